"""TLS over a connection whose octets are counted as they arrive, before TLS reads them.

A handshake may be full of messages that mean nothing, and records may be empty or renew keys: none
of that reaches what reads HTTP. So between the transport and asyncio's reader of TLS stands a
`Meter`, which hands on a few octets at a time.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import Callable
from typing import Any

from aiohttp.client_proto import ResponseHandler

from resolverd.collector import thread_cpu
from resolverd.health.probes.bounds import charge, refuse_if_over, too_many_octets
from resolverd.health.probes.trace import current_trace

# Octets of TLS that are read at once: a record of the greatest length (RFC 8446 §5.2).
_MAX_READ = 5 + 16 * 1024 + 256


class Paused(asyncio.Protocol):
    """Reads nothing until TLS does."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Stop reading before there was anything to read."""
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()


class Meter(asyncio.BufferedProtocol):
    """Stands before `inner`, the event loop's own protocol of TLS."""

    def __init__(self, inner: Any, transport: asyncio.Transport) -> None:
        self._inner, self._transport = inner, transport
        self._octets, self._trace = 0, current_trace()

    def eof_received(self) -> bool | None:
        """Tell `inner` that no more comes; whether the transport stays open is for it to say."""
        keep: bool | None = self._inner.eof_received()
        return keep

    def connection_lost(self, exc: BaseException | None) -> None:
        """Tell `inner` that the connection is closed."""
        self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        """Tell `inner` that what it writes waits."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Tell `inner` that it may write on."""
        self._inner.resume_writing()

    def get_buffer(self, sizehint: int) -> memoryview:
        """The beginning of the buffer of `inner`."""
        return memoryview(self._inner.get_buffer(sizehint))[:_MAX_READ]

    def buffer_updated(self, nbytes: int) -> None:
        """Hand on what has arrived, unless a bound is passed; the connection then ends."""
        trace = self._trace
        self._octets += nbytes
        before, began = trace.cpu, thread_cpu()
        if not too_many_octets(trace, self._octets):
            self._inner.buffer_updated(nbytes)
            trace.cpu = before  # what was charged within is part of what is charged here
            charge(trace, thread_cpu() - began)
        if trace.over:
            self._transport.abort()


async def connect_tls(
    factory: Callable[[], ResponseHandler],
    sock: socket.socket,
    context: ssl.SSLContext,
    server_hostname: str | None,
) -> tuple[asyncio.Transport, ResponseHandler]:
    """What `loop.create_connection` gives, over `sock`. Raises OSError and ssl.SSLError."""
    loop = asyncio.get_running_loop()
    raw, _ = await loop.create_connection(Paused, sock=sock)
    protocol = factory()
    try:
        # Runs when `start_tls` has set its protocol, and before that reads.
        loop.call_soon(_insert_meter, raw)
        secured = await loop.start_tls(raw, protocol, context, server_hostname=server_hostname)
    except BaseException:
        raw.abort()
        raise
    refuse_if_over(current_trace())
    if secured is None:
        raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
    if (error := protocol.exception()) is not None:
        raise error  # the end came with the last message of the handshake
    protocol.connection_made(secured)
    return secured, protocol


def _insert_meter(raw: asyncio.Transport) -> None:
    inner = raw.get_protocol()
    if not isinstance(inner, Paused):
        raw.set_protocol(Meter(inner, raw))
