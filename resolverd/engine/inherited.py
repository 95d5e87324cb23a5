"""Sockets that a service manager bound and handed over, in place of our own.

They outlive this process, so what arrives during a restart waits in them. All workers share
them.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence

from resolverd import log
from resolverd.config.types import Listener
from resolverd.engine.sockets import BoundSockets
from resolverd.errors import EngineError


def adopt(
    handed_over: Sequence[socket.socket], workers: int = 1
) -> tuple[list[Listener], list[BoundSockets]]:
    """Give every worker the sockets `handed_over`.

    Returns the addresses and ports served, and the sockets by worker, as `bind` does. Raises
    EngineError, and closes what it was given, when one of them is not for DNS.
    """
    unexpected = [sock for sock in handed_over if not _serves_dns(sock)]
    if unexpected:
        listed = ", ".join(f"descriptor {sock.fileno()}" for sock in unexpected)
        for sock in handed_over:
            sock.close()
        raise EngineError(
            f"{listed}: inherited, but neither a UDP nor a listening TCP socket; the socket unit "
            "may have only ListenDatagram= and ListenStream= with ADDRESS:PORT"
        )
    first = BoundSockets(
        [sock for sock in handed_over if sock.type == socket.SOCK_DGRAM],
        [sock for sock in handed_over if sock.type == socket.SOCK_STREAM],
        shared=workers > 1,
    )
    udp, tcp = _listeners(first.udp), _listeners(first.tcp)
    bound = list(dict.fromkeys((*udp, *tcp)))
    _log_inherited(bound, udp, tcp)
    others = [
        BoundSockets(
            [sock.dup() for sock in first.udp], [sock.dup() for sock in first.tcp], shared=True
        )
        for _ in range(workers - 1)
    ]
    return bound, [first, *others]


def _serves_dns(handed_over: socket.socket) -> bool:
    if handed_over.family not in (socket.AF_INET, socket.AF_INET6):
        return False
    if handed_over.type == socket.SOCK_STREAM:
        return bool(handed_over.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    return handed_over.type == socket.SOCK_DGRAM


def _listeners(sockets: Sequence[socket.socket]) -> list[Listener]:
    return [Listener(*sock.getsockname()[:2]) for sock in sockets]


def _log_inherited(
    bound: Sequence[Listener], udp: Sequence[Listener], tcp: Sequence[Listener]
) -> None:
    """Log the addresses served instead of `server.listen`, and which lack UDP or TCP."""
    events = log.get("engine")
    events.info("sockets.inherited", listen=[str(listener) for listener in bound])
    for listener in bound:
        missing = [name for name, have in (("UDP", udp), ("TCP", tcp)) if listener not in have]
        if missing:
            events.warning("sockets.half", listener=str(listener), missing=missing)
