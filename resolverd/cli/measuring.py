"""The process of `resolverd rtt --measure`: looks at the kernel's connections, serves a page.

Looking and reckoning are done in a thread, so that whoever asks is answered meanwhile; they take at
most a fiftieth of the time, however many connections there are. A look that fails is an event, and
the page goes on with what is known, whose ages then tell.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterable
from email.utils import formatdate
from typing import Protocol

from aiohttp import web

from resolverd import log
from resolverd.admin.beside import served
from resolverd.admin.listening import bound
from resolverd.config.types import Listener
from resolverd.errors import ExitCode
from resolverd.rtt.inet_diag import Connection, DiagError
from resolverd.rtt.networks import Networks
from resolverd.rtt.page import Page, page_of
from resolverd.signals import PROCESS
from resolverd.systemd import Supervisor

# Seconds for which everybody is given one page: a client who comes or goes shows no sooner.
PAGE_INTERVAL = 60.0
# A look is followed by a pause of so many times what it took.
_REST = 50.0


class Statistics(Protocol):
    """Where connections are read."""

    def connections(self) -> Iterable[Connection]:
        """Those that are open now. Raises DiagError; blocks."""


class Measuring:
    """Measures for `region`; networks of fewer than `minimum` clients are not shown.

    `bound` is where the page is served, once it is. Times are in seconds.
    """

    def __init__(
        self,
        statistics: Statistics,
        networks: Networks,
        region: str,
        minimum: int,
        *,
        interval: float = 10.0,
        page_interval: float = PAGE_INTERVAL,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.bound: Listener | None = None
        self._statistics, self._networks = statistics, networks
        self._region, self._minimum = region, minimum
        self._interval, self._page_interval, self._clock = interval, page_interval, clock
        self._page = page_of((), region, minimum)
        self._paged_at = -page_interval
        self._failing = ""
        self._log = log.get("rtt")

    async def run(self, listener: Listener, supervisor: Supervisor) -> ExitCode:
        """Measure and serve until SIGTERM. Raises DiagError or EngineError where it cannot."""
        stopping = asyncio.Event()
        PROCESS.follow(asyncio.get_running_loop(), stopping.set, lambda: None)
        await asyncio.to_thread(self._look)  # what cannot be read ends the start
        sock = bound(listener)
        async with served(self._routes, sock):
            self.bound = Listener(listener.address, sock.getsockname()[1])
            await self._until(stopping, supervisor)
        return ExitCode.OK

    async def _until(self, stopping: asyncio.Event, supervisor: Supervisor) -> None:
        """Look again and again until the end."""
        looking = asyncio.create_task(self._keep(supervisor))
        self._log.info("rtt.measuring", region=self._region, listener=str(self.bound))
        supervisor.ready(self._status)
        stopped = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait([looking, stopped], return_when=asyncio.FIRST_COMPLETED)
            if looking.done():  # by a defect: the service manager begins it again
                looking.result()
        finally:
            supervisor.stopping()
            for task in (looking, stopped):
                task.cancel()
            await asyncio.gather(looking, stopped, return_exceptions=True)

    async def _keep(self, supervisor: Supervisor) -> None:
        took = 0.0
        while True:
            await asyncio.sleep(max(self._interval, took * _REST))
            began = self._clock()
            try:
                await asyncio.to_thread(self._look)
            except DiagError as error:
                self._report(str(error))
            else:
                self._report("")
            took = self._clock() - began
            supervisor.status(self._status)

    def _look(self) -> None:
        """Take in what the kernel says now, and make the page where that is due.

        Who has sent nothing is no client: load balancers' health checks, scanners.
        """
        for connection in self._statistics.connections():
            if connection.received:
                self._networks.add(connection.client, connection.ms, self._clock())
        now = self._clock()
        self._networks.expire(now)
        if now - self._paged_at >= self._page_interval:
            times = self._networks.times(self._minimum, now)
            self._page = page_of(times, self._region, self._minimum, time.time())
            self._paged_at = now

    def _report(self, reason: str) -> None:
        if reason and reason != self._failing:
            self._log.warning("rtt.unreadable", reason=reason, region=self._region)
        elif self._failing and not reason:
            self._log.info("rtt.readable", region=self._region)
        self._failing = reason

    @property
    def _status(self) -> str:
        counts = f"{self._page.rows} networks shown, {len(self._networks)} clients known"
        return f"{counts}; {self._failing}" if self._failing else counts

    @property
    def _routes(self) -> list[web.RouteDef]:
        return [web.get("/", self._serve_page), web.get("/healthz", self._serve_health)]

    async def _serve_page(self, request: web.Request) -> web.Response:
        page: Page = self._page
        etag = page.etag
        headers = {
            "ETag": etag,
            "Last-Modified": formatdate(page.made_at, usegmt=True),
            "Vary": "Accept-Encoding",
            "Cache-Control": "no-cache",
        }
        wanted = request.headers.get("If-None-Match", "")
        if not {etag, "*"}.isdisjoint(tag.strip() for tag in wanted.split(",")):
            return web.Response(status=304, headers=headers)
        body = page.text
        if _takes_gzip(request.headers.get("Accept-Encoding", "")):
            body, headers["Content-Encoding"] = page.compressed, "gzip"
        return web.Response(body=body, content_type="text/csv", charset="utf-8", headers=headers)

    async def _serve_health(self, _: web.Request) -> web.Response:
        return web.Response(text=f"{self._status}\n", status=503 if self._failing else 200)


def _takes_gzip(accepted: str) -> bool:
    """Whether a client that accepts these codings (RFC 9110 §12.5.3) names gzip, and not with 0."""
    for coding in accepted.split(","):
        name, _, quality = coding.partition(";")
        if name.strip().lower() in ("gzip", "x-gzip"):
            return not re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", quality)
    return False
