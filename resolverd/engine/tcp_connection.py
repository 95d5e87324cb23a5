"""The life of one TCP connection: reading, blocked, closing.

**Reading**: whatever came is answered in its order; no complete message is left over. A client has
its idle time from one message to the next, whether it trickles or is silent. **Blocked**: it does
not read its answers, so its queries are neither read nor answered; what is unsent is at most `HIGH`
octets and one answer. **Closing**: nothing is read any more, what is unsent goes out.
`native/src/io/tcp/connection.rs` draws the same.

A connection ends with the limit that ended it, as `Counters.tcp_refused` counts it, or with "".
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Literal

Respond = Callable[[bytes, str], bytes | None]
State = Literal["reading", "blocked", "closing"]

HIGH = 64 << 10
"""Unsent octets above which nothing more is answered.

More costs memory for each client that does not read, less stops pipelining clients earlier.
"""
LOW = 16 << 10
"""Unsent octets below which it goes on; near `HIGH` it would stop and go on for every answer."""
_READ = 16 << 10


class Connection:
    """One connection on a socket that does not block."""

    def __init__(self, stream: socket.socket, source: str, respond: Respond) -> None:
        self.stream, self._source, self._respond = stream, source, respond
        self.state: State = "reading"
        self.watched = 0
        """What its owner waits for at the stream: 1 to read, 2 to write, 3 both."""
        self.opened_at = self.active_at = time.monotonic()
        """When it began; when its last query was answered or answer sent. Monotonic seconds."""
        self._unread, self._unsent = bytearray(), bytearray()
        self._ended = False

    @property
    def idle(self) -> bool:
        """Whether no query of it is being answered, and no answer is unsent (RFC 7766 §3)."""
        return self.state == "reading" and not self._unsent

    @property
    def awaits_first_query(self) -> bool:
        """Whether it has been open without a query until now."""
        return self.state == "reading" and self.active_at == self.opened_at

    @property
    def wanted(self) -> int:
        """What it waits for at its stream, as `watched`."""
        return 2 * bool(self._unsent) + (self.state == "reading")

    def ready(self) -> str | None:
        """Read and write as far as it goes; how it ended, if it did."""
        if self.state == "reading" and (ended := self._read()) is not None:
            return ended
        return self._advance()

    def expired(self, now: float, idle: float, longest: float, lifetime: float) -> str | None:
        """The limit by which its time is over, if it is; one by an idle time may close first.

        `idle` is the idle time of the moment, and `longest` the one configured, in seconds.
        """
        if now >= self.opened_at + lifetime:
            return "lifetime"
        silent = now - self.active_at
        if silent < (idle if self.idle else longest):
            return None
        if self.state != "reading":
            return "slow_reader"
        return "idle" if silent >= longest else "idle_shortened"

    def deadline(self, idle: float, longest: float, lifetime: float) -> float:
        """When its time is over, unless something happens before."""
        return min(self.active_at + (idle if self.idle else longest), self.opened_at + lifetime)

    def close(self) -> str | None:
        """Read nothing more, and end once all is sent."""
        self._close()
        return self._write()

    def _read(self) -> str | None:
        try:
            octets = self.stream.recv(_READ)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError:
            return "peer_closed"
        self._unread += octets
        self._ended = not octets
        return None

    def _advance(self) -> str | None:
        """Answer, write, and again, until the client or its socket is waited for."""
        while True:
            self._answer()
            if (ended := self._write()) is not None:
                return ended
            if self.state == "blocked" and len(self._unsent) <= LOW:
                self.state, self.active_at = "reading", time.monotonic()
            elif self.state == "reading" and len(self._unsent) > HIGH:
                self.state, self.active_at = "blocked", time.monotonic()
                return None
            elif self.state != "reading":
                return None
            elif _next(self._unread) is None:
                if not self._ended:
                    return None
                if self._unread:
                    return "peer_closed"
                self._close()

    def _answer(self) -> None:
        """Answer the complete messages, while little enough is unsent."""
        used = 0
        while self.state == "reading" and len(self._unsent) <= HIGH:
            end = _next(self._unread, used)
            if end is None:
                break
            response = self._respond(bytes(self._unread[used + 2 : end]), self._source)
            used = end
            if response is None:
                self._close()
                return
            self._unsent += len(response).to_bytes(2, "big") + response
        if used:
            del self._unread[:used]
            self.active_at = time.monotonic()

    def _write(self) -> str | None:
        """Write what the socket takes now."""
        begun = bool(self._unsent)
        while self._unsent:
            try:
                sent = self.stream.send(self._unsent)
            except InterruptedError:
                continue
            except BlockingIOError:
                return None
            except OSError:
                return "peer_closed"
            del self._unsent[:sent]
        if self.state == "closing":
            return ""
        if begun:
            self.active_at = time.monotonic()
        return None

    def _close(self) -> None:
        self.state, self.active_at = "closing", time.monotonic()
        self._unread.clear()


def _next(stream: bytearray, at: int = 0) -> int | None:
    """Where the first complete message from `at` on ends (RFC 1035 §4.2.2), if there is one."""
    if len(stream) < at + 2:
        return None
    end = at + 2 + int.from_bytes(stream[at : at + 2], "big")
    return end if end <= len(stream) else None
