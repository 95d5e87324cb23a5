"""The pages of round-trip times that regions serve, read by an edge.

They are read as `health.pages` has it. A page is not trusted: it has a time limit, a size limit and
the bounds of a probe (`health.probes.bounds`), and what is read of it is `page_reading`'s to take
or to doubt. One that has not changed (ETag, RFC 9110 §8.8.3) is not read again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

import aiohttp

from resolverd import log
from resolverd.config.secrets import shown_text, shown_url
from resolverd.geo.distance import Coordinates
from resolverd.health.pages import Pages
from resolverd.health.probes.bounds import in_charged_turns
from resolverd.health.probes.exchange import read_up_to
from resolverd.health.probes.reasons import reason_of
from resolverd.health.probes.trace import begin_trace, current_trace
from resolverd.rtt.light import PlaceOf
from resolverd.rtt.page import MAX_PAGE
from resolverd.rtt.page_reading import NO_ROWS, PageError, PageOf, PageRows, read_page

# Seconds for one page, and seconds of CPU to read it: 65,536 rows take 0.4.
_WITHIN, _MAX_CPU = 10.0, 2.0
_HEADERS = {"User-Agent": "resolverd-probe", "Accept-Encoding": "gzip", "Accept": "text/csv"}
_MAX_ETAG = 200


class RttPage(NamedTuple):
    """A page to read: whose it is, where that region stands, and how old its rows may be."""

    region: str
    url: str
    at: Coordinates
    stale_after: float


@dataclass(frozen=True, slots=True)
class PageState:
    """What is known of one page.

    `read_at` is when it was last read well, or was said to be the same, and `as_of` of when that
    is what it says, both in Unix seconds; `read_at` is None before that. `reason` is why the last
    attempt failed, empty where it did not. `etag` is the content's, and `made` when its
    server says that it was made.
    """

    read_at: float | None = None
    as_of: float = 0.0
    content: PageRows = field(default_factory=lambda: NO_ROWS)
    reason: str = ""
    etag: str = ""
    made: datetime | None = None


class PageWatch:
    """What each page says. `replace` as often as need be, then `stop`.

    A page is read each `interval` seconds; `wall` gives Unix seconds.
    """

    def __init__(self, place_of: PlaceOf, wall: Callable[[], float] = time.time) -> None:
        self.interval = 60.0
        self._place_of, self._wall = place_of, wall
        self._pages = Pages(self._read_once, lambda: self.interval)
        self._states: dict[RttPage, PageState] = {}
        self._log = log.get("rtt")

    def replace(self, pages: Iterable[RttPage]) -> None:
        """Read exactly `pages` from now on."""
        come, gone = self._pages.replace(pages)
        for page in gone:
            del self._states[page]
        self._states |= {page: PageState() for page in come}

    async def stop(self) -> None:
        """End all reading, and close the session."""
        await self._pages.stop()
        self._states.clear()

    def states(self) -> dict[RttPage, PageState]:
        """What is known of each page now."""
        return dict(self._states)

    async def _read_once(self, page: RttPage) -> None:
        before = self._states[page]
        after = await self._read(page, before)
        self._states[page] = after
        self._report(page, before, after)

    async def _read(self, page: RttPage, before: PageState) -> PageState:
        """The state after one more attempt: what a page said holds on while it fails."""
        try:
            begin_trace()
            async with asyncio.timeout(_WITHIN):
                return await self._fetch(page, before)
        except TimeoutError:
            reason = f"timed out after {_WITHIN:g} s"
        except PageError as error:
            reason = str(error)
        except aiohttp.ClientResponseError as error:
            reason = current_trace().over or f"HTTP {error.status}"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            reason = current_trace().over or reason_of(error)
        except Exception as defect:  # noqa: BLE001 - of ours: it costs this reading alone
            reason = f"a defect of resolverd: {defect!r}"
        return replace(before, reason=shown_text(reason), etag="")

    async def _fetch(self, page: RttPage, before: PageState) -> PageState:
        """Raises PageError, and what aiohttp raises."""
        session = self._pages.session
        headers = _HEADERS | ({"If-None-Match": before.etag} if before.etag else {})
        async with session.get(page.url, headers=headers, allow_redirects=False) as response:
            now, same = self._wall(), response.status == 304 and bool(before.etag)
            # A 304 need not say it again (RFC 9110 §15.4.5): what it said first holds.
            made = _time_of(response, "Last-Modified") or (before.made if same else None)
            age = _age(made, _time_of(response, "Date") or datetime.fromtimestamp(now, UTC))
            if same:
                if age > page.stale_after:
                    raise PageError(f"it is {age / 86400:.0f} days old")
                return replace(before, read_at=now, as_of=now - age, reason="", made=made)
            if response.status != 200:
                raise PageError(f"HTTP {response.status}")
            body = await read_up_to(response, MAX_PAGE + 1)
            etag = response.headers.get("ETag", "")
            gzipped = response.headers.get("Content-Encoding", "") == "gzip"
        of = PageOf(page.region, page.at, page.stale_after - age)
        steps = read_page(body, of, self._place_of, gzipped=gzipped)
        content = await in_charged_turns(steps, _MAX_CPU)
        etag = etag if len(etag) <= _MAX_ETAG else ""
        return PageState(now, now - age, content, "", etag, made)

    def _report(self, page: RttPage, before: PageState, after: PageState) -> None:
        """One event when a page fails or is left out in part, and one when it is well again."""
        url = shown_url(page.url)
        if after.reason and not before.reason:
            self._log.warning("rtt.page_failing", region=page.region, url=url, reason=after.reason)
        elif before.reason and not after.reason:
            self._log.info("rtt.page_recovered", region=page.region, url=url)
        left_out = after.content.left_out
        if left_out and not before.content.left_out:
            self._log.warning("rtt.page_partial", region=page.region, url=url, reason=left_out)


def _time_of(response: aiohttp.ClientResponse, header: str) -> datetime | None:
    """What a header says; None where it says nothing."""
    try:
        return parsedate_to_datetime(response.headers[header])
    except (KeyError, ValueError, TypeError, OverflowError):
        return None


def _age(made: datetime | None, sent: datetime) -> float:
    """How many seconds old a page is, by its server's own clock where that tells; else 0."""
    try:
        return max(0.0, (sent - made).total_seconds()) if made else 0.0
    except TypeError:  # one of the two has no time zone
        return 0.0
