"""The connections of one listener of the API: how many at once, and how long a request may take.

    connected ──► idle ── first octet ──► asking ── whole ──► being answered ──► idle
                          (or connected)  REQUEST_TIMEOUT     RESPONSE_TIMEOUT
                                          at most             while nothing of it is taken,
                                                              TAKING_TIMEOUT in all

A connection that comes when all places are taken has the place of the one that is idle or asking
for longest; where every request is being answered it is refused. So whoever opens connections
and says nothing keeps nobody else out, and costs a bounded number of descriptors. The beginning of
a request that came in one piece with the one before is not seen until more of it comes; the time
for which an idle connection is kept bounds it.

Time in which this process was late does not count, by what each look has seen: a host without CPU
would else close a connection whose request had come, and was not read yet.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import cast

from aiohttp import web

from resolverd.admin.failure import ApiError, Handler
from resolverd.patience.steps import Patience
from resolverd.patience.timeout import PatientTimeout

# Seconds in which a request has to be whole, headers and body, and in which a client has to go on
# taking its response. Less breaks slow links; more lets silent clients hold places for longer.
REQUEST_TIMEOUT, RESPONSE_TIMEOUT = 10.0, 30.0
# Seconds in which a client that goes on taking its response has to have it: 4 MB at 7 kB/s. Less
# breaks slow links; more lets those that trickle hold memory for longer.
TAKING_TIMEOUT = 600.0


class Clients:
    """Admits at most `most` connections; `closed` counts those that met a limit, by limit."""

    def __init__(
        self,
        maximum: int,
        closed: Counter[str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.maximum, self.closed = maximum, closed
        self.clock = clock
        self._open: dict[asyncio.Protocol, Client] = {}

    def factory(self, inner: Callable[[], asyncio.Protocol]) -> Callable[[], Client]:
        """What makes the protocol of each connection, in front of that which `inner` makes."""
        return lambda: Client(self, inner())

    @web.middleware
    async def whole(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Handle a request once it has come whole. Raises ApiError where it does not."""
        client = self._open.get(cast("asyncio.Protocol", request.protocol))
        if client is None:  # gone in the meantime
            return await handler(request)
        client.reading()
        try:
            await self._read(request, client.due)
            client.answering()
            return await handler(request)
        finally:
            client.idle()

    def admit(self, client: Client) -> bool:
        """Give a connection a place, if need be another's; False where none can be had."""
        if len(self._open) >= self.maximum:
            idle = [
                connection
                for connection in self._open.values()
                if connection.idle_since is not None
            ]
            if not idle:
                self.closed["refused"] += 1
                return False
            self.close(
                min(idle, key=lambda connection: connection.idle_since or 0.0), "connections"
            )
        self._open[client.inner] = client
        return True

    def close(self, client: Client, limit: str) -> None:
        """Close a connection that met `limit`, and count it under that name."""
        self.closed[limit] += 1
        self.forget(client)
        client.abort()

    def forget(self, client: Client) -> None:
        """Free the place of a connection that is closed."""
        self._open.pop(client.inner, None)

    async def _read(self, request: web.Request, due: float) -> None:
        try:
            async with PatientTimeout(due):
                await request.read()
        except TimeoutError:
            self.closed["request"] += 1
            raise ApiError(
                408, f"the request did not come within {REQUEST_TIMEOUT:g} s", "send it at once"
            ) from None
        except (web.RequestPayloadError, OSError) as error:
            hint = "send it as its headers say"
            raise ApiError(400, f"the body cannot be read: {error}", hint) from error


class Client(asyncio.Protocol):
    """One connection: hands everything on to `inner`, and keeps the time.

    `idle_since` is None while a whole request is being answered; `due` is the reading of the
    loop's clock by which the request that is being sent has to be whole.
    """

    def __init__(self, clients: Clients, inner: asyncio.Protocol) -> None:
        self.inner = inner
        self.idle_since: float | None = clients.clock()
        self.due = 0.0
        self._unsent, self._taken_by = 0, 0.0
        self._clients = clients
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._reading = self._more = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take one of the places, or close at once where none is free."""
        if not self._clients.admit(self):
            cast("asyncio.Transport", transport).abort()
            return
        self._transport = cast("asyncio.Transport", transport)
        self.inner.connection_made(transport)
        self._asking()

    def data_received(self, data: bytes) -> None:
        """Pass octets of a request to `inner`, and start the clock for the rest of it."""
        if self.idle_since is None or self._reading:
            self._more = True  # of the body, or of the next request
        elif self._timer is None:
            self._asking()
        self.inner.data_received(data)

    def eof_received(self) -> bool | None:
        """The client sends no more: pass it on."""
        return self.inner.eof_received()

    def pause_writing(self) -> None:
        """The client is slower than its response: it is closed once it takes nothing any more."""
        self.inner.pause_writing()
        self._taken_by = asyncio.get_running_loop().time() + TAKING_TIMEOUT
        self._takes()
        self._time("response", RESPONSE_TIMEOUT)

    def resume_writing(self) -> None:
        """The client has nearly all of it: the time that it had for that is void."""
        self._cancel()
        self.inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed: free its place, and pass it on."""
        self._cancel()
        self._clients.forget(self)
        if self._transport is not None:
            self._transport = None
            self.inner.connection_lost(exc)

    def reading(self) -> None:
        """The headers are whole; the body has to be, too, by `due`."""
        self._reading = True
        self._cancel()

    def answering(self) -> None:
        """The request is whole: until its response is made the connection is not idle."""
        self.idle_since, self._reading, self._more = None, False, False

    def idle(self) -> None:
        """The response is made: from now on the connection is idle."""
        self.idle_since, self._reading = self._clients.clock(), False
        if self._more and self._transport is not None:
            self._asking()

    def abort(self) -> None:
        """Close the connection without waiting for what is unsent."""
        self._cancel()
        if self._transport is not None:
            self._transport.abort()

    def _asking(self) -> None:
        self.due = asyncio.get_running_loop().time() + REQUEST_TIMEOUT
        self._time("request", REQUEST_TIMEOUT)

    def _time(self, limit: str, seconds: float) -> None:
        self._cancel()
        self._arm(limit, Patience(asyncio.get_running_loop().time(), seconds))

    def _arm(self, limit: str, patience: Patience) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_at(patience.due, self._look, limit, patience)

    def _look(self, limit: str, patience: Patience) -> None:
        known, now = patience.late, asyncio.get_running_loop().time()
        goes_on = patience.goes_on(now)
        self.due += patience.late - known
        if limit == "response" and self._takes() and now < self._taken_by:
            self._arm(limit, Patience(now, RESPONSE_TIMEOUT))
        elif goes_on:
            self._arm(limit, patience)
        else:
            self._clients.close(self, limit)

    def _takes(self) -> bool:
        """Whether the client has taken some of its response since this was asked last."""
        assert self._transport is not None, "its timer ends with the connection"
        before, self._unsent = self._unsent, self._transport.get_write_buffer_size()
        return self._unsent < before

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
