"""Requests in the clear to one address each, over plain sockets: what all probes share for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import NamedTuple

import aiohttp

from resolverd.health.probes.bounds import refuse_if_over
from resolverd.health.probes.library_reading import LibraryReading
from resolverd.health.probes.page_poller import PagePoller
from resolverd.health.probes.plain_exchange import Exchange
from resolverd.health.probes.plain_request import PlainRequest
from resolverd.health.probes.poller import Poller
from resolverd.health.probes.trace import Trace, current_trace
from resolverd.health.timers import Timers

# Octets that are received at once: a page of metrics, and of two engines.
_ROOM = 128 * 1024
# Seconds that are enough to see to all that has come, if anything is.
_MAX_CATCH_UP = 0.05


class Response(NamedTuple):
    """A status, and the body as far as it was wanted."""

    status: int
    body: bytes


class PlainClient:
    """To be made and closed inside one running event loop.

    `room` is for long responses to be received into, and read from before anything else is.
    `pages` asks for pages of metrics that are expected; None without the native library.
    """

    def __init__(self) -> None:
        self.poller, self.timers = Poller(), Timers()
        self.pages = PagePoller() if PagePoller.available() else None
        self.room = memoryview(bytearray(_ROOM))

    async def ask(
        self,
        request: PlainRequest,
        address: str,
        *,
        limit: int,
        wants: Callable[[int], bool] | None = None,
    ) -> Response:
        """Send `request` to `address`, and wait for the response for as long as it takes.

        Of the body at most `limit` octets are read, and none where not `wants(status)`. Raises
        OSError where there is no connection, and what aiohttp raises after that.
        """
        trace = current_trace()
        refuse_if_over(trace)
        exchange = _Awaited(self.poller, request, limit, wants)
        try:
            exchange.start(address)
            await exchange.future
        except BaseException:
            exchange.close()  # an odd one too: nobody is to read on
            raise
        finally:
            note(trace, exchange)
        if exchange.odd:
            return await read_on(exchange)
        return response_of(exchange)

    @property
    def behind(self) -> bool:
        """Whether something that has come has not been seen to yet."""
        return self.poller.behind or (self.pages is not None and self.pages.behind)

    def catch_up(self) -> None:
        """See to all that has come, out of turn; not to be called by what has come."""
        until = time.monotonic() + _MAX_CATCH_UP
        if self.pages is not None:
            self.pages.catch_up(until)  # first, as it leaves some to the poller
        self.poller.catch_up(until)

    def close(self) -> None:
        """Watch no socket, and keep no deadline any more."""
        self.poller.close()
        if self.pages is not None:
            self.pages.close()
        self.timers.close()


def note(trace: Trace, exchange: Exchange) -> None:
    """What the exchange showed, in the trace of its probe."""
    if exchange.connect is not None:
        trace.responded, trace.connect = True, exchange.connect
    if exchange.head is not None:
        trace.answered = True


def response_of(exchange: Exchange) -> Response:
    """The response of one that has ended, and is not odd. Raises as `PlainClient.ask` does."""
    if exchange.error is not None and exchange.connect is not None:
        raise aiohttp.ClientOSError(*exchange.error.args)
    if exchange.error is not None:
        raise exchange.error
    assert exchange.head is not None
    return Response(exchange.head.status, exchange.body)


async def read_on(exchange: Exchange) -> Response:
    """The response of an odd one, as aiohttp reads it."""
    reading = LibraryReading(exchange)
    try:
        status = await reading.status()
        wanted = exchange.wants is None or exchange.wants(status)
        return Response(status, await reading.body(exchange.limit) if wanted else b"")
    finally:
        reading.close()


class _Awaited(Exchange):
    """An exchange with a future that is done once it has ended."""

    def __init__(
        self,
        poller: Poller,
        request: PlainRequest,
        limit: int,
        wants: Callable[[int], bool] | None,
    ) -> None:
        super().__init__(poller, request, limit, wants)
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def ended(self) -> None:
        """Wake who waits."""
        if not self.future.done():
            self.future.set_result(None)
