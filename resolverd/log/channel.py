"""The way from worker processes to the log of the process that started them.

One message (SOCK_SEQPACKET) is the number of events dropped before it, 8 octets in network order,
an octet that is 1 for a sample of the query log, and one line. A worker never waits: what the
channel has no room for is dropped, and counted with the next message that goes through. So one
process alone writes to standard error.
"""

from __future__ import annotations

import socket
import struct
import threading

from resolverd.log.queue import EventQueue

_BEFORE = struct.Struct("!Q?")
# Octets of a line: more than any event of a worker has, and less than SO_SNDBUF (unix(7)).
_MAX_LINE = 128 * 1024
_REASON = "a worker process had no room"


def channel() -> tuple[socket.socket, socket.socket]:
    """The end to read and the end that workers write to."""
    reads, writes = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    writes.setblocking(False)
    return reads, writes


class ChannelQueue:
    """A worker's end: like an `EventQueue` to whoever has an event."""

    def __init__(self, writes: socket.socket) -> None:
        self._writes, self._dropped = writes, 0
        self._lock = threading.RLock()

    def put(self, line: bytes, *, sampled: bool = False) -> None:
        """Send a whole line, or drop it; returns at once."""
        with self._lock:
            if len(line) > _MAX_LINE:
                self._dropped += 1
                return
            try:
                self._writes.send(_BEFORE.pack(self._dropped, sampled) + line)
            except OSError:  # full, or the daemon is gone, which ends this worker too
                self._dropped += 1
            else:
                self._dropped = 0


def forward(reads: socket.socket, queue: EventQueue) -> threading.Thread:
    """Queue what workers send, in a thread that ends when all of them have."""
    thread = threading.Thread(target=_forward, args=(reads, queue), name="worker log", daemon=True)
    thread.start()
    return thread


def _forward(reads: socket.socket, queue: EventQueue) -> None:
    with reads:
        while message := reads.recv(_BEFORE.size + _MAX_LINE):
            dropped, sampled = _BEFORE.unpack_from(message)
            if dropped:
                queue.drop(dropped, _REASON)
            queue.put(message[_BEFORE.size :], sampled=sampled)
