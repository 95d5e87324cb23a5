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
    own = workers[:1] if any(worker.shared for worker in workers) else workers
    return {f"{PREFIX}{number}": [*worker.udp, *worker.tcp] for number, worker in enumerate(own)}


def bind_again(
    stored: Mapping[str, Sequence[socket.socket]],
    listeners: Sequence[Listener],
    workers: int,
) -> tuple[list[Listener], list[BoundSockets]]:
    """As `engine.sockets.bind`, with the stored sockets of the addresses that are still wanted.

    Each worker has its own again where there are as many as there were; else all share all.
    Stored sockets that are not wanted are closed. Raises EngineError.
    """
    places = {Listener(*sock.getsockname()[:2]) for sock in _all(stored)}
    kept = [listener for listener in listeners if _complete(listener, _all(stored))]
    by_worker = [_wanted(stored[name], kept) for name in sorted(stored, key=_number)]
    missing = [listener for listener in listeners if listener not in kept]
    # The service manager and a standby have the old ones open for a little longer.
    fresh_places, fresh = bind(missing, workers, held={listener.port for listener in places})
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
    return [sock for sockets in stored.values() for sock in sockets]


def _complete(listener: Listener, sockets: Sequence[socket.socket]) -> bool:
    """Whether `sockets` are all that `listener` needs."""
    have = {(sock.type, Listener(*sock.getsockname()[:2])) for sock in sockets}
    return {(socket.SOCK_DGRAM, listener), (socket.SOCK_STREAM, listener)} <= have


def _number(name: str) -> int:
    number = name.removeprefix(PREFIX)
    return int(number) if number.isdecimal() else 0


def _wanted(sockets: Sequence[socket.socket], listeners: Sequence[Listener]) -> BoundSockets:
    """Those at the addresses of `listeners`; the others are closed."""
    found = BoundSockets([], [])
    for sock in sockets:
        if Listener(*sock.getsockname()[:2]) not in listeners:
            sock.close()
        elif sock.type == socket.SOCK_DGRAM:
            found.udp.append(sock)
        else:
            found.tcp.append(sock)
    return found


def _shared_by(workers: int, sockets: Sequence[BoundSockets]) -> list[BoundSockets]:
    udp = [sock for part in sockets for sock in part.udp]
    tcp = [sock for part in sockets for sock in part.tcp]
    others = [
        BoundSockets([sock.dup() for sock in udp], [sock.dup() for sock in tcp], shared=True)
        for _ in range(workers - 1)
    ]
    return [BoundSockets(udp, tcp, shared=workers > 1), *others]
