"""Requests for pages of metrics that are under way (`native/src/ffi/exchanges.rs`)."""

from __future__ import annotations

import ctypes
import ipaddress
import os
import socket
import struct
import weakref
from collections.abc import Sequence
from typing import NamedTuple

from resolverd.abi.contract import (
    EXCHANGE_FAILED,
    EXCHANGE_NO_CONNECT,
    EXCHANGE_NUMBERS,
    EXCHANGE_READ,
    EXCHANGE_SERIES,
    Numbers,
)
from resolverd.abi.library import OutBuf, Span, library, release_after
from resolverd.abi.pages import PageLayout
from resolverd.abi.tables import REASON_OCTETS

MAX_SERIES = EXCHANGE_SERIES
"""Of a page that may be asked for."""
# Records for which there is room at once.
_AT_ONCE = 16
_SIGN = 2**63
_HEAD, _FIELDS = struct.Struct("=4Q"), struct.Struct("=3Q")
_IPV4, _IPV6 = struct.Struct("=H2s4s8x"), struct.Struct("=H2s4x16s4x")


class PageRead(NamedTuple):
    """The page is there, and has these `values`, in the order of its series.

    `connect` is the time of the TCP handshake in seconds.
    """

    number: int
    connect: float
    values: Sequence[float]


class ConnectionFailed(NamedTuple):
    """There is no connection, or none any more to send the request: an error number.

    `connect` is None where there was no handshake.
    """

    number: int
    connect: float | None
    error: int


class OtherCame(NamedTuple):
    """What has come is not plainly the page that was expected, or not all of it came.

    `received` are all octets so far, of so many `reads`. `descriptor` is the connection's, and
    whoever gets this has to close it; None where it has ended, by the error number `error` unless
    that is 0.
    """

    number: int
    connect: float
    received: bytes
    descriptor: int | None
    error: int
    reads: int


Record = PageRead | ConnectionFailed | OtherCame


class Shown(NamedTuple):
    """What one had shown that was cancelled.

    `connect` is the time of the TCP handshake in seconds, None where there was none; `answered`,
    whether the head of a response had come, whole.
    """

    connect: float | None = None
    answered: bool = False


class ExpectedPage:
    """A page of a layout, to be asked for at an address by the octets of a request.

    Raises ValueError where `address` is none, or the layout has more series than `MAX_SERIES`, and
    RuntimeError as `library` does.
    """

    def __init__(self, address: str, port: int, request: bytes, layout: PageLayout) -> None:
        spans = Span.of(_peer(address, port)), Span.of(request)
        handle = library().resolverd_exchange_page_new(*spans, layout.handle)
        if handle is None:
            raise ValueError("no page that can be asked for")
        self.handle: int = handle
        release_after(self, library().resolverd_exchange_page_release, handle)


class Exchanges:
    """Those of one event loop. Raises OSError where there can be none, RuntimeError as `library`.

    `descriptor` is readable while there is something to see to.
    """

    def __init__(self) -> None:
        loaded = library()
        reason = ctypes.create_string_buffer(REASON_OCTETS)
        handle = loaded.resolverd_exchanges_new(OutBuf.of(reason))
        if handle is None:
            raise OSError(reason.value.decode())
        self._handle: int | None = handle
        self._release = weakref.finalize(self, loaded.resolverd_exchanges_release, handle)
        self._release.atexit = False
        self.descriptor: int = loaded.resolverd_exchanges_fd(handle)
        self._begin, self._cancel = (
            loaded.resolverd_exchange_begin,
            loaded.resolverd_exchange_cancel,
        )
        self._turn, self._look = loaded.resolverd_exchanges_turn, loaded.resolverd_exchange_look
        self._take = loaded.resolverd_exchange_take
        # One memory, looked at as numbers and as values.
        self._octets = octets = bytearray(8 * (1 + _AT_ONCE * EXCHANGE_NUMBERS))
        self._numbers, self._values = memoryview(octets).cast("Q"), memoryview(octets).cast("d")
        self._lent = (ctypes.c_char * len(octets)).from_buffer(octets)
        self._room = Numbers(ctypes.addressof(self._lent), len(self._numbers))

    def begin(self, page: ExpectedPage) -> int:
        """Ask for `page`: the number that its record has. Raises OSError."""
        number: int = self._begin(self._handle, page.handle)
        if number < 0:
            raise OSError(-number, os.strerror(-number))
        return number

    def cancel(self, number: int) -> Shown:
        """End one, if it has not ended; there is no record of it any more, but what it showed."""
        self._cancel(self._handle, number, self._room)
        connect, answered = self._numbers[:2]
        return Shown(_seconds(connect), answered > 0)

    def turn(self, most: int) -> tuple[int, list[Record]]:
        """See to at most so many that are ready: how many those were, and what has ended by it."""
        return self._told(self._turn(self._handle, min(most, _AT_ONCE), self._room))

    def look(self, number: int) -> tuple[bool, list[Record]]:
        """The same of one of them, out of turn; whether anything has come of it."""
        seen, records = self._told(self._look(self._handle, number, self._room))
        return seen > 0, records

    def close(self) -> None:
        """End all of them."""
        self._handle = None
        self._release()

    def _told(self, written: int) -> tuple[int, list[Record]]:
        octets, records, at = self._octets, list[Record](), 1
        while at < written:
            number, kind, nanoseconds, count = _HEAD.unpack_from(octets, 8 * at)
            connect, at = nanoseconds / 1e9, at + 4
            if kind == EXCHANGE_READ:
                records.append(PageRead(number, connect, self._values[at : at + count].tolist()))
                at += count
            elif kind == EXCHANGE_FAILED:
                records.append(ConnectionFailed(number, _seconds(nanoseconds), count))
            else:
                descriptor, error, reads = _FIELDS.unpack_from(octets, 8 * at)
                at += 3
                kept = descriptor if descriptor < _SIGN else None
                received = self._received(number, count)
                records.append(OtherCame(number, connect, received, kept, error, reads))
        return (self._numbers[0] if written else 0), records

    def _received(self, number: int, octets: int) -> bytes:
        received = ctypes.create_string_buffer(octets)
        self._take(self._handle, number, OutBuf.of(received))
        return received.raw


def _seconds(nanoseconds: int) -> float | None:
    return None if nanoseconds == EXCHANGE_NO_CONNECT else nanoseconds / 1e9


def _peer(address: str, port: int) -> bytes:
    """The address as `sockaddr_in` or `sockaddr_in6`."""
    known = ipaddress.ip_address(address)
    if isinstance(known, ipaddress.IPv4Address):
        return _IPV4.pack(socket.AF_INET, port.to_bytes(2), known.packed)
    if known.scope_id is not None:
        raise ValueError("an address with a scope")
    return _IPV6.pack(socket.AF_INET6, port.to_bytes(2), known.packed)
