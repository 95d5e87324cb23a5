"""How busy a region's GPUs are, read from any Prometheus endpoint that the region names.

The pages are read as `pages` has it. A page is not trusted: it has a time limit, a size limit and
the bounds of a probe (`probes/bounds.py`), and what cannot be read of it is unknown.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Generator, Iterable
from typing import NamedTuple

import aiohttp

from resolverd import log
from resolverd.config.secrets import shown_text, shown_url
from resolverd.health.load_pages.samples import find_samples
from resolverd.health.pages import Pages
from resolverd.health.probes.bounds import in_charged_turns
from resolverd.health.probes.exchange import read_up_to
from resolverd.health.probes.reasons import reason_of
from resolverd.health.probes.trace import begin_trace, current_trace

EVERY = 15.0
_WITHIN = 5.0
# What is known of a page is used until it should have been read three times.
_FRESH = 3 * EVERY
_MAX_READ = 4 * 1024 * 1024
_HEADERS = {"User-Agent": "resolverd-probe", "Accept-Encoding": "identity"}


class GpuPage(NamedTuple):
    """A page to read, the metric on it, and what that says of a GPU that is fully used."""

    url: str
    metric: str
    full: float


class GpuWatch:
    """The utilisation of the GPUs on each page. `start`, then `replace` as often as need be."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, every: float = EVERY) -> None:
        self._clock = clock
        self._pages = Pages(self._read_once, lambda: every)
        self._known: dict[GpuPage, tuple[float, tuple[float, ...]]] = {}
        self._failing: set[GpuPage] = set()
        self._log = log.get("health")

    def replace(self, pages: Iterable[GpuPage]) -> None:
        """Read exactly `pages` from now on."""
        _, gone = self._pages.replace(pages)
        for page in gone:
            self._known.pop(page, None)
            self._failing.discard(page)

    async def stop(self) -> None:
        """End all reading, and close the session."""
        await self._pages.stop()
        self._known.clear()
        self._failing.clear()

    def utilisation(self, pages: Iterable[GpuPage]) -> float | None:
        """The mean of all GPUs on `pages`, from 0 to 1; None where none is known of late."""
        now = self._clock()
        values = [
            value
            for page in pages
            for at, values in [self._known.get(page, (-math.inf, ()))]
            if now - at <= _FRESH
            for value in values
        ]
        return sum(values) / len(values) if values else None

    async def _read_once(self, page: GpuPage) -> None:
        try:
            begin_trace()
            async with asyncio.timeout(_WITHIN):
                text = await self._read(page.url)
            values = await in_charged_turns(gpu_values(text, page.metric, page.full))
            reason = "" if values else f"it has no {page.metric}"
        except TimeoutError:
            values, reason = (), f"timed out after {_WITHIN:g} s"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            values, reason = (), current_trace().over or reason_of(error)
        except Exception as defect:  # noqa: BLE001 - of ours: it costs this reading alone
            values, reason = (), f"a defect of resolverd: {defect!r}"
        if values:
            self._known[page] = (self._clock(), values)
        self._tell(page, reason)

    def _tell(self, page: GpuPage, reason: str) -> None:
        """One event when a page fails, and one when it is well again."""
        if reason and page not in self._failing:
            self._failing.add(page)
            url = shown_url(page.url)
            self._log.warning("gpus.failing", url=url, reason=shown_text(reason))
        elif not reason and page in self._failing:
            self._failing.discard(page)
            self._log.info("gpus.recovered", url=shown_url(page.url))

    async def _read(self, url: str) -> bytes:
        session = self._pages.session
        async with session.get(url, headers=_HEADERS, allow_redirects=False) as response:
            response.raise_for_status()
            body = await read_up_to(response, _MAX_READ + 1)
            if len(body) > _MAX_READ:
                raise ValueError("the page is over 4 MiB")
            return body


def gpu_values(page: bytes, metric: str, full: float) -> Generator[None, None, tuple[float, ...]]:
    """The samples of `metric` on a page in Prometheus' text format, as shares from 0 to 1.

    Read in steps; none of a page with absurdly many.
    """
    samples = yield from find_samples(page, [metric])
    shares = (sample.value / full for sample in samples.get(metric, ()))
    return tuple(min(share, 1.0) for share in shares if not math.isnan(share))
