"""Reading the pages of metrics of what stands behind one URL, and comparing like with like.

Without `workers` there is one page: at `metrics_url`, or at /metrics below the URL. With them there
is one of each worker, read at the same time. A page that cannot be read is unknown, with the reason
why; a worker that answers nothing at all is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from typing import NamedTuple

import aiohttp

from resolverd.health.kinds.vllm import VllmProbe
from resolverd.health.offers import READABLE, Processes
from resolverd.health.probes import progress
from resolverd.health.probes.backing import Backing, MetricsSample, Stuck
from resolverd.health.probes.bounds import in_charged_turns
from resolverd.health.probes.reasons import is_response, reason_of
from resolverd.health.probes.tools import Tools
from resolverd.health.probes.trace import current_trace
from resolverd.health.probes.vllm_client import (
    Begun,
    VllmClient,
    client_of_other,
    client_of_page,
)
from resolverd.health.probes.vllm_layout import KnownLayout
from resolverd.health.probes.vllm_metrics import Page, read_page

_NONE_STUCK = Stuck(0, 1)


class Part(NamedTuple):
    """One page, of the source `number`; `before` is an earlier one of the same process."""

    number: int
    sample: MetricsSample
    before: MetricsSample | None
    replaced: bool


class Reading(NamedTuple):
    """The pages of one moment; none where no page could be read."""

    parts: tuple[Part, ...] = ()

    @property
    def replaced(self) -> bool:
        """Whether a process may have taken the place of another."""
        return True in [part.replaced for part in self.parts]

    @property
    def waiting(self) -> bool:
        """Whether requests wait, as far as the pages say."""
        return any(part.sample.page.waiting for part in self.parts)

    @property
    def turned_away(self) -> float:
        """How many requests full queues turned away."""
        total = 0.0
        for part in self.parts:
            if part.before is not None and part.sample.page.rejections:
                total += progress.turned_away(part.before.page, part.sample.page)
        return total

    def pairs(self) -> Iterator[tuple[Page, Page]]:
        """Pages that can be compared, the earlier first."""
        for part in self.parts:
            if part.before is not None:
                yield part.before.page, part.sample.page

    def since(self, earlier: Reading) -> Reading:
        """This one, compared with `earlier` where that has a page of the same process."""
        samples = {(p.number, p.sample.page.started): p.sample for p in earlier.parts}
        return Reading(
            tuple(
                part._replace(before=_older(part, samples.get((part.number, _start(part)))))
                for part in self.parts
            )
        )


def _start(part: Part) -> float | None:
    return part.sample.page.started


def _older(part: Part, sample: MetricsSample | None) -> MetricsSample | None:
    if part.before is None or sample is None:
        return part.before
    return part.before if progress.fell(sample.page, part.sample.page) else sample


class MetricsReader:
    """Raises ValueError when a URL is not an HTTP URL."""

    def __init__(self, client: VllmClient, settings: VllmProbe, tools: Tools) -> None:
        self._alone = not settings.workers
        self._at_url = not settings.workers and not settings.metrics_url
        if settings.workers:
            self._sources = [
                Source(client_of_other(url, settings, tools), "/metrics")
                for url in settings.workers
            ]
        elif settings.metrics_url:
            self._sources = [Source(*client_of_page(settings.metrics_url, settings, tools))]
        else:
            self._sources = [Source(client, "/metrics", raises=True)]
        self._one = self._sources[0] if self._alone else None  # there is just the one page

    @property
    def at_url(self) -> bool:
        """Whether there is just the page below the URL, which then may be taken in (`take`)."""
        return self._at_url

    async def read(
        self,
        until: float,
        at: float,
        sent: int,
        answered: int,
        models: Collection[str],
        begun: Begun | None = None,
    ) -> Reading:
        """The pages of now. Raises as `VllmClient` does where the URL itself cannot be reached.

        `begun` is what has asked for the page below the URL already.
        """
        sources = self._sources
        if len(sources) == 1:
            pages = [await sources[0].read(until, models, begun)]
        else:
            pages = await asyncio.gather(*[source.read(until, models) for source in sources])
        parts = []
        for number, (source, page) in enumerate(zip(sources, pages, strict=True)):
            if page is not None:
                sample = MetricsSample(page, at, sent, answered)
                parts.append(Part(number, sample, *source.backing.add(sample)))
        return Reading(tuple(parts))

    @property
    def layout(self) -> KnownLayout:
        """That of the one page that may be taken in."""
        return self._sources[0].layout

    def take(self, page: Page, at: float, sent: int, answered: int) -> Reading:
        """As `read`, of the one page, which has been read already."""
        source, sample = self._sources[0], MetricsSample(page, at, sent, answered)
        source.note(page)
        return Reading((Part(0, sample, *source.backing.add(sample)),))

    @property
    def why(self) -> str:
        """`READABLE`, or why a page could not be read."""
        if self._one is not None:
            return self._one.why or READABLE
        return next((source.why for source in self._sources if source.why), READABLE)

    @property
    def workers(self) -> int:
        """How many workers there are, as the settings tell."""
        return 0 if self._alone else len(self._sources)

    @property
    def lost_workers(self) -> int:
        """How many workers answered nothing at all."""
        return 0 if self._alone else sum(not source.answers for source in self._sources)

    @property
    def processes(self) -> Processes:
        """How many processes answer at the URL; unknown while no page can be read."""
        if self._one is not None:
            return Processes.UNKNOWN if self._one.why else self._one.backing.processes
        several = self.why == READABLE and len(self._sources) > 1
        return Processes.SEVERAL if several else Processes.UNKNOWN

    @property
    def engines(self) -> int:
        """How many engines the pages tell apart."""
        if self._one is not None:
            return self._one.backing.engines
        return sum(source.backing.engines for source in self._sources)

    def stuck(self) -> Stuck:
        """Engines that hang while others do not; of a worker that is lost, one at least."""
        hung = engines = 0
        if self._one is not None and self._one.backing.engines < 2:
            return _NONE_STUCK
        for source in self._sources:
            stuck = source.backing.stuck(alone=self._alone)
            engines += max(1, stuck.engines)
            hung += stuck.hung if source.answers or self._alone else max(1, stuck.engines)
        return Stuck(hung, engines) if hung < engines else Stuck(0, engines)


class Source:
    """One page, and what it has shown; `raises` whether a failed connection is raised."""

    def __init__(self, client: VllmClient, path: str, *, raises: bool = False) -> None:
        self.backing, self.layout = Backing(), KnownLayout()
        self.why, self.answers = "not read yet", True
        self._client, self._path, self._raises = client, path, raises

    async def read(
        self, until: float, models: Collection[str], begun: Begun | None = None
    ) -> Page | None:
        """The page of now, None where it cannot be read."""
        try:
            text, self.why = await self._client.metrics(until, self._path, begun)
        except (aiohttp.ClientError, OSError) as error:
            if self._raises:
                raise
            text, self.why = None, reason_of(error)
            self.answers = False
            current_trace().responded |= is_response(error)  # a refusal is an answer
            return None
        self.answers = self.why != "no answer"
        if text is None:
            return None
        page = await in_charged_turns(read_page(text, models, self.layout))
        self.note(page)
        return page

    def note(self, page: Page) -> None:
        """This is the page of now."""
        self.answers = True
        self.why = "" if page.of_vllm else "without vLLM's counters of the model"
