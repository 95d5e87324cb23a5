"""What stands behind one URL: which pages of metrics come from the same process. Pure.

A URL may be a balancer's, so that every page comes from another process, and what two of them
differ by is nobody's progress. A page is compared with an earlier one

- of the same process, shown by `process_start_time_seconds`, whose totals never fell;
- or, where it tells no start (vLLM with several API servers, a gateway), with the one before once
  `_TRUSTED_RUN` pages in a row fell in no total: pages of several would have to.

Pages of up to `_MAX_PROCESSES` processes are kept for `_FORGET` seconds, so that each of several is
held against itself. An engine of which requests are under way and nothing moves for `_STUCK`
seconds, while another moves, has hung.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

from resolverd.health.offers import Processes
from resolverd.health.probes import progress
from resolverd.health.probes.vllm_metrics import Page

_TRUSTED_RUN = 8
_MAX_PROCESSES = 32
_FORGET = 120.0
# Longer than one step of an engine usually takes.
_STUCK = 10.0
# Pages for which what was seen of others behind the same URL is remembered.
_REMEMBERED = 16


class MetricsSample(NamedTuple):
    """A page read at `at` (seconds, monotonic), after so many canaries were `sent`, `answered`."""

    page: Page
    at: float
    sent: int = 0
    answered: int = 0


class Comparison(NamedTuple):
    """`before`: an earlier sample of the same process, if one can be shown to be.

    `replaced`: it is, or may be, another process than those known.
    """

    before: MetricsSample | None
    replaced: bool


class Stuck(NamedTuple):
    """How many of the engines that are known have hung."""

    hung: int
    engines: int

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.hung / self.engines if self.engines else 0.0


@dataclass(slots=True)
class _Process:
    """`run` counts pages in a row that fell in no total; `since` is when an engine last moved."""

    sample: MetricsSample
    run: int = 0
    fallen: bool = False
    since: dict[bytes, float] = field(default_factory=dict)


class Backing:
    """What the pages at one URL have shown so far.

    `processes` is whether one process answers, or several, or nobody knows, and `engines` how many
    engines the pages that are remembered tell of.
    """

    def __init__(self) -> None:
        self._processes: dict[float | None, _Process] = {}
        self._pages = 0
        self.processes = Processes.UNKNOWN
        self.engines = 0
        self._several_at = self._other_at = self._fell_at = -math.inf
        self._last: float | None = None

    def add(self, sample: MetricsSample) -> Comparison:
        """Take one more page into account, and tell what it may be compared with."""
        comparison = self._added(sample)
        self.processes = self._told()
        if self.processes is Processes.ONE:
            self.engines = len(sample.page.engines)
        else:
            self.engines = sum([len(known.sample.page.engines) for known in self._now()])
        return comparison

    def _added(self, sample: MetricsSample) -> Comparison:
        key, at = sample.page.started, sample.at
        known = self._processes.get(key)
        if known is None or len(self._processes) > 1:
            self._forget(key, at)
        self._pages += 1
        if known is None or key != self._last or sample.page.gathered:
            self._note_order(key, known, sample.page)
            self._last = key
        if known is None:
            replaced = self._pages > 1
            self._processes[key] = _Process(sample, since=dict.fromkeys(sample.page.engines, at))
            return Comparison(None, replaced)
        return self._compare(known, sample)

    def _told(self) -> Processes:
        """What `processes` is now."""
        if self._pages - self._several_at < _REMEMBERED:
            return Processes.SEVERAL
        alone = self._last is not None and self._pages - self._other_at >= _REMEMBERED
        return Processes.ONE if alone else Processes.UNKNOWN

    def stuck(self, *, alone: bool = True) -> Stuck:
        """The engines that hang; of one that is `alone` only while others do not."""
        hung = engines = 0
        for known in self._now():
            for key, engine in known.sample.page.engines.items():
                busy = bool(engine.running) or bool(engine.waiting)
                still = known.sample.at - known.since.get(key, known.sample.at) >= _STUCK
                engines += 1
                hung += busy and still
        return Stuck(hung, engines) if hung < engines or not alone else Stuck(0, engines)

    def _now(self) -> list[_Process]:
        """Those that answer now: of one process, its last start."""
        if self.processes is Processes.ONE:
            return [self._processes[self._last]]
        return list(self._processes.values())

    def _compare(self, known: _Process, sample: MetricsSample) -> Comparison:
        before, known.sample = known.sample, sample
        old, new, at = before.page, sample.page, sample.at
        if progress.fell(old, new):
            known.run, known.fallen = 0, True
            known.since = dict.fromkeys(new.engines, at)
            if self._pages - self._fell_at < _REMEMBERED:
                self._several_at = self._pages
            self._fell_at = self._pages
            return Comparison(None, replaced=True)
        known.run += 1
        unsure = new.started is None or known.fallen
        comparable = not unsure or (
            known.run >= _TRUSTED_RUN and self._told() is not Processes.SEVERAL
        )
        for key, engine in new.engines.items():
            busy = bool(engine.running) or bool(engine.waiting)
            if not (comparable and busy) or progress.engine_moved(old.engines[key], engine):
                known.since[key] = at
        return Comparison(before if comparable else None, replaced=False)

    def _note_order(self, key: float | None, known: _Process | None, page: Page) -> None:
        """A start that comes back after another is one of several; a new one may be a restart."""
        if self._pages > 1 and key != self._last:
            self._other_at = self._pages
            if known is not None:
                self._several_at = self._pages
        if page.gathered:
            self._several_at = self._pages

    def _forget(self, key: float | None, at: float) -> None:
        """Forget all but `key` that are old, and the oldest where they are too many."""
        others = {k: p.sample.at for k, p in self._processes.items() if k != key}
        for other in sorted(others, key=lambda k: others[k]):
            if at - others[other] > _FORGET or len(self._processes) >= _MAX_PROCESSES:
                del self._processes[other]
