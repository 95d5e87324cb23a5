"""An odd response that began to be read as a plain one, read by aiohttp's parser from its start.

It has all bounds that any response has (`protocol`, `body`), and its errors are those that aiohttp
would raise had it asked by itself. The socket stays with the poller: event loops differ in what
becomes of a socket that is handed to them and is closed at once.
"""

from __future__ import annotations

import asyncio
import socket

import aiohttp
from aiohttp import ClientResponseError, RequestInfo
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from resolverd.health.probes.body import read_content
from resolverd.health.probes.plain_exchange import Exchange
from resolverd.health.probes.poller import Poller
from resolverd.health.probes.protocol import FramedProtocol
from resolverd.health.probes.session import MAX_HEADER_LINE, MAX_HEADERS, READ_BUFFER
from resolverd.health.probes.trace import current_trace

_READ = 64 * 1024
# aiohttp's errors name the request; reasons do not.
_NOBODY = RequestInfo(URL(), "GET", CIMultiDictProxy(CIMultiDict()), URL())


class LibraryReading:
    """The rest of `exchange`: the `head`'s status, and then the `body`; `close` it in any case."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._protocol = FramedProtocol(asyncio.get_running_loop())
        self._protocol.set_response_params(
            skip_payload=exchange.headers_only,
            read_until_eof=True,
            auto_decompress=False,
            read_bufsize=READ_BUFFER,
            max_line_size=MAX_HEADER_LINE,
            max_field_size=MAX_HEADER_LINE,
            max_headers=MAX_HEADERS,
        )
        self._content: aiohttp.StreamReader | None = None

    async def status(self) -> int:
        """Wait for the head. Raises what aiohttp does for a response that cannot be read."""
        exchange, protocol = self._exchange, self._protocol
        if (sock := exchange.detach()) is not None:
            transport = _Transport(exchange.poller, sock, protocol)
            protocol.connection_made(transport)
            protocol.data_received(bytes(exchange.received))
            transport.go_on()
        else:
            protocol.data_received(bytes(exchange.received))
            protocol.connection_lost(exchange.broken)
        try:
            message, self._content = await protocol.read()
        except HttpProcessingError as error:
            raise ClientResponseError(
                _NOBODY, (), status=error.code, message=error.message
            ) from error
        current_trace().answered = True
        return int(message.code)

    async def body(self, limit: int) -> bytes:
        """The body, or its first `limit` octets; after `status`."""
        assert self._content is not None
        return await read_content(self._content, limit)

    def close(self) -> None:
        """Close the connection, whatever is left of it."""
        self._exchange.close()
        self._protocol.abort()


class _Transport(asyncio.Transport):
    """As much of a transport as a reader of responses needs, over a socket of the poller."""

    def __init__(self, poller: Poller, sock: socket.SocketType, protocol: FramedProtocol) -> None:
        super().__init__({"socket": sock})
        self._poller, self._socket, self._protocol = poller, sock, protocol
        self._loop = asyncio.get_running_loop()
        self._paused = self._closing = self._waits = False
        poller.hand_on(sock.fileno(), self._ready)

    def go_on(self) -> None:
        """Read in the loop's next turn, if nothing forbids it then."""
        if not self._waits:
            self._waits = True
            self._loop.call_soon(self._read)

    def pause_reading(self) -> None:
        """Let what comes wait in the socket."""
        self._paused = True

    def resume_reading(self) -> None:
        """Read on."""
        self._paused = False
        self.go_on()

    def is_reading(self) -> bool:
        """Whether what comes is read."""
        return not self._paused and not self._closing

    def is_closing(self) -> bool:
        """Whether it is closed, or about to be."""
        return self._closing

    def close(self) -> None:
        """Close the connection at once: nothing waits to be sent."""
        self._end(None)

    def abort(self) -> None:
        """The same."""
        self._end(None)

    def _ready(self, _events: int) -> None:
        self._read()

    def _read(self) -> None:
        """Read once; what is there beyond that has a turn of its own."""
        self._waits = False
        if not self.is_reading():
            return
        try:
            data = self._socket.recv(_READ)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(error)
            return
        if not data:
            self._end(None)
            return
        self._protocol.data_received(data)
        self.go_on()

    def _end(self, error: OSError | None) -> None:
        if not self._closing:
            self._closing = True
            self._poller.remove(self._socket.fileno())
            self._socket.close()
            self._loop.call_soon(self._protocol.connection_lost, error)
