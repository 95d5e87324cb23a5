"""One request and its response over a plain TCP connection of its own: no task, no stream.

    socket, connect ──► writable: connected ──► send ──► readable: `plain_response` ──► ended()
                                                            │ odd
                                                            ▼
                                                     ended(), with `odd`: whoever asked reads on,
                                                     from the first octet, as `library_reading` does

What is read here is bounded by octets and by the number of reads; beyond either it is odd.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from errno import EINPROGRESS

from resolverd.health.probes.plain_request import PlainRequest
from resolverd.health.probes.plain_response import (
    MAX_PLAIN,
    MORE,
    ODD,
    PlainHead,
    Received,
    Unread,
    read_body,
    read_head,
)
from resolverd.health.probes.poller import ENDING, FAILED, READABLE, WRITABLE, Poller

_INET, _INET6 = int(socket.AF_INET), int(socket.AF_INET6)
_BEGUN = (EINPROGRESS, 0)
_READING = READABLE | ENDING
_READ = 64 * 1024
# Reads after which a response in very many segments is odd.
_MAX_READS = 256
# Of a plain socket object: `socket.socket` has a good deal around it that nothing here needs.
_TYPE = (
    socket.SOCK_STREAM | getattr(socket, "SOCK_NONBLOCK", 0) | getattr(socket, "SOCK_CLOEXEC", 0)
)


class Exchange:
    """What came of one request once `ended` has been called, which `start` never does itself.

    `connect` is the time of the TCP handshake in seconds, None where there was none. `error` is why
    there is no response. Else `head` is there, and `body`, or its first `limit` octets, where
    `wants(status)`. `odd`: none of both can be told here (`received`, `broken`, `detach`).
    """

    # Of the class, until one has its own: an exchange begins with each probe.
    connect: float | None = None
    error: OSError | None = None
    head: PlainHead | None = None
    received: Received = b""
    body = b""
    odd = over = False
    broken: OSError | None = None  # why an odd response ended, where it did not just end
    _socket: socket.SocketType | None = None
    _reads = 0
    _first_read = 4096  # octets that most responses have room in
    _room: memoryview | None = None  # what all that have it receive into, one after the other

    def __init__(
        self,
        poller: Poller,
        request: PlainRequest,
        limit: int,
        wants: Callable[[int], bool] | None = None,
    ) -> None:
        self.poller, self._request = poller, request
        self.wants, self.limit = wants, limit
        self._unsent = request.octets
        self.began = time.monotonic()

    def ended(self) -> None:
        """What there is to be known is known: to be overridden."""
        raise NotImplementedError

    def start(self, address: str) -> None:
        """Connect to `address`, in text form. Raises OSError where this host cannot even begin."""
        sock = socket.SocketType(_INET6 if ":" in address else _INET, _TYPE)
        try:
            code = sock.connect_ex((address, self._request.port))
            if code not in _BEGUN:
                raise OSError(code, os.strerror(code))
            self.poller.add(sock.fileno(), self._ready)
        except BaseException:
            sock.close()
            raise
        self._socket = sock

    def close(self) -> None:
        """End it; `ended` is not called any more."""
        self.over = True
        if self._socket is not None:
            self.poller.remove(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def look(self) -> bool:
        """Whether anything has come that was not looked at yet; it is seen to."""
        if self._socket is None:
            return False
        before = self.connect, self._reads
        self.poller.look(self._socket.fileno())
        return before != (self.connect, self._reads)

    def detach(self) -> socket.SocketType | None:
        """The socket of an odd response, for whoever reads on; None where it has ended."""
        sock, self._socket = self._socket, None
        return sock

    def take_over(self, received: bytes, reads: int, descriptor: int | None, error: int) -> None:
        """Go on with an exchange that began elsewhere, and has had its TCP handshake (`connect`).

        So many octets have come by so many reads. The connection is this exchange's from now on; it
        is None where it has ended, by an error number or, if that is 0, by itself.
        """
        self._unsent = b""
        if descriptor is None:
            self.received, self._reads = received, reads
            self.broken = OSError(error, os.strerror(error)) if error else None
            self._be_odd()
            return
        sock = socket.SocketType(fileno=descriptor)
        try:
            self.poller.add(descriptor, self._ready)
        except OSError as refused:
            sock.close()
            self._fail(refused)
            return
        except BaseException:
            sock.close()
            raise
        self._socket = sock
        self._take(received)
        self._reads = max(self._reads, reads)

    @property
    def headers_only(self) -> bool:
        """Whether the response has no body whatever its headers say."""
        return self._request.headers_only

    def _ready(self, events: int) -> None:
        if self.over:
            return  # odd, in this very turn: whoever reads on has yet to begin, and will see it
        sock = self._socket
        assert sock is not None
        try:
            if self.connect is None and not self._connected(sock, events):
                return
            if self._unsent and events & WRITABLE:
                sent = sock.send(self._unsent)
                self._unsent = self._unsent[sent:]
        except BlockingIOError:
            return
        except OSError as error:
            self._fail(error)
            return
        if not self._request.octets:
            self._end()
        elif events & _READING:
            self._read(sock, ending=bool(events & ENDING))

    def _connected(self, sock: socket.SocketType, events: int) -> bool:
        if events & FAILED and (code := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)):
            raise OSError(code, os.strerror(code))
        if not events & WRITABLE:
            return False
        self.connect = self.poller.now - self.began
        return True

    def _read(self, sock: socket.SocketType, *, ending: bool) -> None:
        """All that is there now; a short read has emptied the socket, and a new event follows."""
        room = self._room
        while True:
            size = len(room) if room is not None else _READ if self._reads else self._first_read
            try:
                data = sock.recv(size) if room is None else room[: sock.recv_into(room)]
            except BlockingIOError:
                return
            except OSError as error:
                self.broken = error
                self._ended_early()
                return
            if not data:
                self._ended_early()
                return
            try:
                self._take(data)
            finally:
                if isinstance(self.received, memoryview):
                    self.received = bytearray(self.received)  # others receive into the room, too
            if self.over or (len(data) < size and not ending):
                return

    def _take(self, data: bytes | memoryview) -> None:
        self._reads += 1
        if self._reads == 1:
            self.received = data
        else:
            if not isinstance(self.received, bytearray):
                self.received = bytearray(self.received)
            self.received += data
        head = self.head
        if head is None:
            found = read_head(self.received, headers_only=self._request.headers_only)
            if isinstance(found, PlainHead):
                self.head = head = found
                if self.wants is not None and not self.wants(head.status):
                    self._end()
                    return
            elif found is ODD:
                self._be_odd()
                return
        body = MORE if head is None else self._read_body(head)
        if isinstance(body, bytes):
            self.body = body
            self._end()
        elif body is ODD or self._reads > _MAX_READS or len(self.received) > MAX_PLAIN:
            self._be_odd()

    def _read_body(self, head: PlainHead) -> bytes | Unread:
        """The body of what has come so far."""
        return read_body(self.received, head, self.limit)

    def _ended_early(self) -> None:
        """The connection has ended, and the response has not: what that means is not said here."""
        sock, self._socket = self._socket, None
        assert sock is not None
        self.poller.remove(sock.fileno())
        sock.close()
        self._be_odd()

    def _be_odd(self) -> None:
        if isinstance(self.received, memoryview):
            self.received = bytes(self.received)
        self.odd = self.over = True
        self.ended()

    def _fail(self, error: OSError) -> None:
        self.error = error
        self._end()

    def _end(self) -> None:
        if isinstance(self.received, memoryview):
            self.received = b""  # it has been read, and others write over it
        self.close()
        self.ended()
