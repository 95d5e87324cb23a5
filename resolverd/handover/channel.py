"""What a daemon and its successor say to one another: short messages on a pair of Unix sockets.

A daemon keeps one end, stores the other with the service manager, and its successor is passed
that. The service manager closes its copy once the unit is stopped for good; so an end of the
channel tells a standby that nobody will succeed it.

The two may be of any two versions, so this vocabulary only ever grows, and what is unknown is
passed over::

    successor to standby    serving            its answers are proven; the standby is to end
    standby to successor    pid NUMBER         who it is
                             answered NUMBER    its last message: the queries that it answered
"""

from __future__ import annotations

import socket

NAME = "resolverd.handover"
"""What the successor's end is stored as."""

SERVING = "serving"
PID = "pid"
ANSWERED = "answered"

_LONGEST = 256


def channel() -> tuple[socket.socket, socket.socket]:
    """Both ends, not blocking: of a daemon, and of whoever comes after it."""
    pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in pair:
        end.setblocking(False)
    return pair


def send(end: socket.socket, *words: object) -> bool:
    """Say it; False when nobody is there, or does not read."""
    try:
        end.send(" ".join(map(str, words)).encode())
    except OSError:
        return False
    return True


def receive(end: socket.socket) -> list[str] | None:
    """The words of the next message; none where there is none yet, None at the end."""
    try:
        message = end.recv(_LONGEST)
    except BlockingIOError:
        return []
    except OSError:
        return None
    return message.decode("ascii", "replace").split() if message else None


def is_open(end: socket.socket) -> bool:
    """Whether somebody holds the other end."""
    try:
        return end.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False
