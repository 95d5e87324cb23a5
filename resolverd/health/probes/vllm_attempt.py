"""One probe of kind vllm that needs nothing but the page of metrics, as nearly each does.

a page like the last one ──► the native library asks for it, and reads it ┐ it proves by itself
anything else            ──► asked for here, or read on from there        ┘ that the server works
                                │ it does not, an error, no answer in time, a canary due
                                ▼
                             a task does the probe from there (`VllmProbing`)
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Generator, Sequence
from typing import TypeVar

from resolverd.abi.exchanges import ConnectionFailed, ExpectedPage, OtherCame, PageRead
from resolverd.collector import thread_cpu
from resolverd.health.outcome import Outcome
from resolverd.health.probes.bounds import MAX_HOLD
from resolverd.health.probes.direct_attempt import DirectAttempt
from resolverd.health.probes.metrics_reader import Reading
from resolverd.health.probes.plain_client import PlainClient, Response, read_on, response_of
from resolverd.health.probes.plain_request import PlainRequest
from resolverd.health.probes.plain_response import PlainHead, Unread, place_of_body
from resolverd.health.probes.run import Ended, Seen
from resolverd.health.probes.trace import Trace
from resolverd.health.probes.vllm import METRICS_SHARE, VllmProbing
from resolverd.health.probes.vllm_client import MAX_METRICS, is_html, is_text
from resolverd.health.probes.vllm_layout import Layout
from resolverd.health.probes.vllm_metrics import Page, read_page
from resolverd.health.probes.vllm_server import Asked, Server

T = TypeVar("T")

# That of a page which has come to the library, or begun to, as far as it matters.
_HEAD = PlainHead(200, 0, None)


class VllmAttempt(DirectAttempt):
    """Begins at once, as `page` says (a request, and the address to send it to).

    Where the page that will come is `expected`, the native library asks for it.
    """

    _page: Page | None = None  # read where it was received
    _number: int | None = None  # of the exchange, while it is the library's
    _layout: Layout | None = None  # of the page that was asked for there, and what it has brought
    _values: Sequence[float] | None = None
    _reading: Reading | None = None
    _again = False  # whether the page has to be asked for again, whatever has come
    _late = False  # whether the time is up, and no response has come
    _cpu = 0.0

    def __init__(
        self,
        server: Server,
        client: PlainClient,
        page: tuple[PlainRequest, str],
        expected: tuple[Layout, ExpectedPage] | None,
        within: float,
        tell: Ended,
    ) -> None:
        request, address = page
        wait = METRICS_SHARE * server.settings.timeout
        super().__init__(client, request, MAX_METRICS + 1, None, within, wait, tell)
        self._server, self._room = server, client.room
        self._canaries = server.canaries
        if expected is None or client.pages is None:
            self.begin(address)
        else:
            self._layout, wanted = expected
            try:
                self._number = client.pages.begin(wanted, self)
            except OSError as error:
                self.fail_to_begin(error)

    def close(self) -> None:
        """End the exchange; nothing more is heard of it than what it has shown so far."""
        if self._number is not None and self._client.pages is not None:
            self.connect, answered = self._client.pages.cancel(self._number)
            self.head = _HEAD if answered else None
            self._number = None
        super().close()

    def look(self) -> bool:
        """Whether anything has come that was not looked at yet; it is seen to."""
        if self._number is None or self._client.pages is None:
            return super().look()
        return self._client.pages.look(self._number)

    def page_read(self, read: PageRead) -> None:
        """The page has come as it was expected."""
        self._number, self.over = None, True
        self.connect, self.head = read.connect, _HEAD
        assert self._layout is not None
        if self._layout.models == self._server.names:
            self._values = read.values
            self.ended()
        else:  # the model has gone by another name since
            self._again = True
            self.go_on(self._rest)

    def connection_failed(self, failed: ConnectionFailed) -> None:
        """There is no connection, or no longer one."""
        self._number, self.connect = None, failed.connect
        self._fail(OSError(failed.error, os.strerror(failed.error)))

    def other_came(self, other: OtherCame) -> None:
        """Something else has come: it is read on here."""
        self._number, self.connect = None, other.connect
        self.take_over(other.received, other.reads, other.descriptor, other.error)

    def ended(self) -> None:
        """There is a page that may do, or whatever else, of which a task finds out more."""
        try:
            seen = self._at_a_glance()
        except Exception as defect:  # noqa: BLE001 - of ours, and shown whole by whoever hears of it
            self.end_with(defect)
            return
        if seen is None:
            self.go_on(self._rest)
            return
        latency = time.monotonic() - self.began
        self.tell(
            Outcome(
                True, seen.reason, latency, seen.condition, True, seen.readings, seen.again,
                self.connect,
            )
        )  # fmt: skip

    def failed(self, error: Exception) -> None:
        """The exchange has brought nothing: the rest of the probe may tell more."""
        self.close()
        if isinstance(error, OSError):
            self.error = error
        self._late = isinstance(error, TimeoutError)
        self.go_on(self._rest)

    def trace(self) -> Trace:
        """With what reading the page has cost."""
        trace = super().trace()
        trace.cpu = self._cpu
        return trace

    def _at_a_glance(self) -> Seen | None:
        server = self._server
        if self._layout is not None and self._values is not None:
            page: Page | None = self._layout.page(self._values)
        else:
            page = self._page or self._page_of_body()
        if page is None:
            return None
        self._reading, moved = server.take_page(page, self.began, self._canaries)
        probing = VllmProbing(server, self.began, self.began, self._first)
        return probing.glance(self._reading, moved=moved)

    def _read_body(self, head: PlainHead) -> bytes | Unread:
        """As of all exchanges; but of a page like the last one nothing is kept."""
        received, server = self.received, self._server
        place = place_of_body(received, head) if head.status == 200 else None
        if place is not None and not isinstance(received, bytes) and is_text(received, *place):
            self._page = server.metrics.layout.read_in(received, *place, server.names)
        return super()._read_body(head) if self._page is None else b""

    def _page_of_body(self) -> Page | None:
        head, body = self.head, self.body
        if self.odd or self.error is not None or head is None or head.status != 200:
            return None
        if len(body) > MAX_METRICS or is_html(body):
            return None
        return self._in_steps(body)

    def _in_steps(self, body: bytes) -> Page | None:
        """The page, unless it takes too long for one turn of the loop."""
        server, began = self._server, thread_cpu()
        steps = read_page(body, server.names, server.metrics.layout)
        page = _at_once(steps, began + MAX_HOLD)
        self._cpu = thread_cpu() - began
        return page

    async def _rest(self) -> Seen:
        began = asyncio.get_running_loop().time() - (time.monotonic() - self.began)
        return await VllmProbing(self._server, began, self.began, self._first).run()

    async def _first(self, until: float) -> Reading:
        """The page, of which as much is read again as was too long for one turn of the loop."""
        if self._reading is not None:
            return self._reading
        asked = None if self._again else Asked(self.began, self._canaries, self._response)
        return await self._server.read_metrics(until, asked)

    async def _response(self) -> Response:
        if self._late:
            raise TimeoutError
        return await read_on(self) if self.odd else response_of(self)


def _at_once(steps: Generator[None, None, T], until: float) -> T | None:
    """Their value; None where they are not done when the thread's CPU clock reads `until`."""
    try:
        while thread_cpu() < until:
            next(steps)
    except StopIteration as end:
        value: T = end.value
        return value
    steps.close()
    return None
