"""Sockets that a daemon bound itself and had stored, in the daemon that comes after it.

The very sockets are served again, so nothing that waits in them is lost: of those that share a
port by SO_REUSEPORT, one that closes takes along what it has queued.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence

from resolverd.config.types import Listener
from resolverd.engine.sockets import BoundSockets, bind

PREFIX = "resolverd.listen."
"""The names of stored sockets; the number of their worker follows."""


def names_of(workers: Sequence[BoundSockets]) -> dict[str, list[socket.socket]]:
    """The sockets of each worker by the name to store them under; those they share, once."""
    own = workers[:1] if any(each.shared for each in workers) else workers
    return {f"{PREFIX}{number}": [*each.udp, *each.tcp] for number, each in enumerate(own)}


def bind_again(
    stored: Mapping[str, Sequence[socket.socket]],
    listeners: Sequence[Listener],
    workers: int,
) -> tuple[list[Listener], list[BoundSockets]]:
    """As `engine.sockets.bind`, with the stored sockets of the addresses that are still wanted.

    Each worker has its own again where there are as many as there were; else all share all.
    Stored sockets that are not wanted are closed. Raises EngineError.
    """
    places = {Listener(*each.getsockname()[:2]) for each in _all(stored)}
    kept = [each for each in listeners if _complete(each, _all(stored))]
    by_worker = [_wanted(stored[name], kept) for name in sorted(stored, key=_number)]
    missing = [each for each in listeners if each not in kept]
    # The service manager and a standby have the old ones open for a little longer.
    fresh_places, fresh = bind(missing, workers, held={each.port for each in places})
    if not kept:
        return fresh_places, fresh
    if len(by_worker) != workers:
        by_worker, fresh = _shared_by(workers, by_worker), _shared_by(workers, fresh)
    shares = [
        BoundSockets(old.udp + new.udp, old.tcp + new.tcp, shared=old.shared)
        for old, new in zip(by_worker, fresh, strict=True)
    ]
    return kept + fresh_places, shares


def _all(stored: Mapping[str, Sequence[socket.socket]]) -> list[socket.socket]:
    return [each for sockets in stored.values() for each in sockets]


def _complete(listener: Listener, sockets: Sequence[socket.socket]) -> bool:
    """Whether `sockets` are all that `listener` needs."""
    have = {(each.type, Listener(*each.getsockname()[:2])) for each in sockets}
    return {(socket.SOCK_DGRAM, listener), (socket.SOCK_STREAM, listener)} <= have


def _number(name: str) -> int:
    number = name.removeprefix(PREFIX)
    return int(number) if number.isdecimal() else 0


def _wanted(sockets: Sequence[socket.socket], listeners: Sequence[Listener]) -> BoundSockets:
    """Those at the addresses of `listeners`; the others are closed."""
    found = BoundSockets([], [])
    for each in sockets:
        if Listener(*each.getsockname()[:2]) not in listeners:
            each.close()
        elif each.type == socket.SOCK_DGRAM:
            found.udp.append(each)
        else:
            found.tcp.append(each)
    return found


def _shared_by(workers: int, sockets: Sequence[BoundSockets]) -> list[BoundSockets]:
    udp = [each for s in sockets for each in s.udp]
    tcp = [each for s in sockets for each in s.tcp]
    others = [
        BoundSockets([each.dup() for each in udp], [each.dup() for each in tcp], shared=True)
        for _ in range(workers - 1)
    ]
    return [BoundSockets(udp, tcp, shared=workers > 1), *others]
