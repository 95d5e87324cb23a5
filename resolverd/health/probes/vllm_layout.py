"""Pages of vLLM's metrics that have the same series in the same order, as nearly all have; pure.

    lines ─► series, as written ─► known in this order? ─► a layout: which numbers make which figure
                                     │ no, or a number is none        │
                                     ▼                                ▼
                                   None: `vllm_metrics` reads it     the page

What a layout makes of numbers is what `vllm_metrics.read_page` makes of the samples, one by one.
The next page of the same server is expected to have the same layout, and then the native library
finds its numbers (`abi/pages.py`), for a tenth of what finding its lines costs here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from functools import cached_property, lru_cache
from operator import itemgetter
from typing import Any

from resolverd.abi.library import why_not
from resolverd.abi.pages import PageLayout, SeriesReader
from resolverd.health.probes import vllm_samples as names
from resolverd.health.probes.vllm_page import BY_ENGINE, Engine, Page
from resolverd.health.probes.vllm_samples import MAX_VALUE, MAX_WRITTEN, Series, escaped, series_of
from resolverd.health.readings import Buckets, Total

# Layouts that are kept, and the lines of one, with which it is some 20 KB at most.
_KEPT, _MAX_LINES = 256, 128
_PROGRESS = frozenset({"generated", "prompt", "iterations"})
# Octets of a page that is read at once: a longer one might hold the loop, and is read in steps.
_AT_ONCE = 256 * 1024
# Figures of a page that one number is, of most pages.
_FIGURES = (
    names.RUNNING, names.WAITING, names.KV_USAGE, names.GENERATED, names.PROMPT, names.ITERATIONS,
    names.REJECTIONS, names.STARTED, names.COMPLETED,
)  # fmt: skip
_KV_USAGE, _STARTED = _FIGURES.index(names.KV_USAGE), _FIGURES.index(names.STARTED)

# Places in a list of numbers, and what gets the numbers there.
_Places = tuple[int, ...]
_Figures = tuple[float | None, ...]
_Get = Callable[[Sequence[float | None]], Any]


class KnownLayout:
    """The layout of the last page of one server; None while nothing is known."""

    def __init__(self) -> None:
        self.layout: Layout | None = None

    def read(self, text: bytes, models: Collection[str]) -> Page | None:
        """What `text` tells of `models`; None where it looks otherwise, or may do."""
        layout = self._expected(len(text), models)
        if layout is None or layout.reader is None:
            return None
        numbers = layout.reader.read(text)
        return None if numbers is None else layout.page(numbers)

    def read_in(
        self, room: bytearray | memoryview, begin: int, end: int, models: Collection[str]
    ) -> Page | None:
        """The same of the text that lies from `begin` to `end` in `room`, where it is."""
        layout = self._expected(end - begin, models)
        if layout is None or layout.reader is None:
            return None
        numbers = layout.reader.read_in(room, begin, end)
        return None if numbers is None else layout.page(numbers)

    def expected(self, models: Collection[str]) -> Layout | None:
        """The layout that the next page is expected to have, if its samples are of `models`."""
        layout = self.layout
        return None if layout is None or layout.models != frozenset(models) else layout

    def _expected(self, octets: int, models: Collection[str]) -> Layout | None:
        return None if octets > _AT_ONCE else self.expected(models)


def layout_of(
    lines: Sequence[bytes], models: Collection[str]
) -> tuple[Layout, Sequence[float]] | None:
    """The layout of `lines` (`vllm_samples.find_lines`) for `models`, and their numbers.

    None where they have none that is plain.
    """
    if not 0 < len(lines) <= _MAX_LINES:
        return None
    parts = [line.rpartition(b" ") for line in lines]
    values = [part[2] for part in parts]
    if max(map(len, values)) > MAX_VALUE:
        return None
    try:
        numbers = [*map(float, values)]
    except ValueError:
        return None
    if not (min(numbers) >= 0 and math.isfinite(sum(numbers))):
        return None
    layout = _layout(tuple([part[0] for part in parts]), frozenset(models))
    return None if layout is None else (layout, numbers)


@lru_cache(_KEPT)
def _layout(written: tuple[bytes, ...], models: frozenset[str]) -> Layout | None:
    if max(map(len, written)) > MAX_WRITTEN:
        return None
    series = [series_of(each) for each in written]
    known = [each for each in series if each is not None]
    return Layout(written, known, models) if len(known) == len(series) else None


class Layout:
    """What the numbers of such series, in this order, tell of one of `models`, of any if empty.

    `written` are the series as they stand on a page, each led by a line feed.
    """

    def __init__(
        self, written: Sequence[bytes], series: Sequence[Series], models: frozenset[str]
    ) -> None:
        wanted = escaped(models)
        self.models = models
        self._written, self._series = written, series
        self._by_name: dict[str, list[int]] = {}
        for place, each in enumerate(series):
            if not wanted or each.model is None or each.model in wanted:
                self._by_name.setdefault(each.name, []).append(place)
        figures = [self._first(spellings) for spellings in _FIGURES]
        self._kv_usage, self._starts = figures[_KV_USAGE], figures[_STARTED]
        self._figures = self._at([places[0] if len(places) == 1 else None for places in figures])
        self._sums = [(n, places) for n, places in enumerate(figures) if len(places) > 1]
        self._ttft = self._first(names.TTFT_SECONDS), self._first(names.TTFT_COUNT)
        self._queue = self._first(names.QUEUE_SECONDS), self._first(names.QUEUE_COUNT)
        self._engines = [(source, self._at(places)) for source, places in self._of_engines()]
        self._bounds, self._buckets = self._of_buckets()
        single = len(self._buckets) > 1 and all(len(places) == 1 for places in self._buckets)
        self._counts = self._at([places[0] for places in self._buckets]) if single else None
        self._responses = self._of_responses()
        answered = self._responses or ()
        single = len(answered) > 1 and all(len(places) == 1 for _, places in answered)
        self._classes = [name for name, _ in answered] if single else None
        self._answers = self._at([places[0] for _, places in answered]) if single else None

    @cached_property
    def native(self) -> PageLayout | None:
        """The same in the native library, without which it is None."""
        if why_not() is not None:
            return None
        return PageLayout(names.WANTED, [each[1:] for each in self._written])

    @cached_property
    def reader(self) -> SeriesReader | None:
        """What finds the numbers on a page of this layout; None without the native library."""
        return None if self.native is None else SeriesReader(self.native)

    def page(self, numbers: Sequence[float]) -> Page:
        """The page with these numbers, which are finite and not below zero."""
        # A page is made with each probe: so what most figures are, one number, is got at once.
        found = [*numbers, None]
        figures = self._figures(found)
        if self._sums:
            figures = self._with_sums(figures, numbers)
        (
            running,
            waiting,
            kv_usage,
            generated,
            prompt,
            iterations,
            rejections,
            started,
            completed,
        ) = figures
        return Page(
            running,
            waiting,
            kv_usage if kv_usage is None or kv_usage <= 1 else None,
            generated,
            prompt,
            iterations,
            rejections,
            started,
            self._histogram(numbers) if self._bounds else None,
            _total(numbers, *self._ttft),
            _total(numbers, *self._queue),
            completed,
            self._totals(numbers),
            len(self._starts) > 1,
            {source: _engine(at(found)) for source, at in self._engines},
        )

    def _totals(self, numbers: Sequence[float]) -> dict[str, float] | None:
        """The totals of responses by class; None where the page tells none."""
        if self._classes is not None and self._answers is not None:
            return dict(zip(self._classes, self._answers(numbers), strict=True))
        if self._responses is None:
            return None
        return {name: _added(numbers, places) for name, places in self._responses}

    def _at(self, places: Sequence[int | None]) -> _Get:
        """What gets the numbers at these places; for a place of None the None after the last."""
        last = len(self._series)
        return itemgetter(*[last if place is None else place for place in places])

    def _with_sums(self, figures: _Figures, numbers: Sequence[float]) -> _Figures:
        """The figures with those that several numbers make."""
        made = [*figures]
        for figure, places in self._sums:
            made[figure] = _added(numbers, places)
        made[_KV_USAGE] = _mean_share(numbers, self._kv_usage)
        if len(self._starts) > 1:
            made[_STARTED] = None
        return tuple(made)

    def _first(self, spellings: tuple[str, ...]) -> _Places:
        """The places of the first spelling that occurs."""
        return next((tuple(self._by_name[n]) for n in spellings if n in self._by_name), ())

    def _of_engines(self) -> tuple[tuple[bytes, tuple[int | None, ...]], ...]:
        """By source the place of each figure of `BY_ENGINE`; None where it has none, or two."""
        engines: dict[bytes, dict[str, int | None]] = {}
        for figure, spellings in BY_ENGINE.items():
            for place in self._first(spellings):
                engine = engines.setdefault(self._series[place].source, {})
                engine[figure] = place if figure not in engine else None
        return tuple(
            (source, tuple(places.get(figure) for figure in BY_ENGINE))
            for source, places in engines.items()
            if any(places.get(figure) is not None for figure in _PROGRESS)
        )

    def _of_buckets(self) -> tuple[tuple[float, ...], tuple[_Places, ...]]:
        """The bounds, in order, and the places of each; none where they make no histogram."""
        buckets: dict[float, list[int]] = {}
        for place in self._by_name.get(names.TTFT[0], ()):
            bound = self._series[place].bound
            if bound is None or math.isnan(bound):
                return (), ()
            buckets.setdefault(bound, []).append(place)
        bounds = tuple(sorted(buckets))
        if not bounds or not math.isinf(bounds[-1]):
            return (), ()
        return bounds, tuple(tuple(buckets[bound]) for bound in bounds)

    def _of_responses(self) -> tuple[tuple[str, _Places], ...] | None:
        if names.RESPONSES[0] not in self._by_name:
            return None
        answered: dict[str, list[int]] = {}
        for place in self._by_name[names.RESPONSES[0]]:
            if self._series[place].answered:
                answered.setdefault(self._series[place].answered, []).append(place)
        return tuple((name, tuple(places)) for name, places in answered.items())

    def _histogram(self, numbers: Sequence[float]) -> Buckets | None:
        if self._counts is not None:
            counts = self._counts(numbers)
        else:
            counts = tuple([_added(numbers, places) for places in self._buckets])
        return Buckets(self._bounds, counts) if [*counts] == sorted(counts) else None


def _added(numbers: Sequence[float], places: _Places) -> float:
    if len(places) == 1:
        return numbers[places[0]]
    return sum([numbers[place] for place in places])


def _total(numbers: Sequence[float], seconds: _Places, count: _Places) -> Total | None:
    if not seconds or not count:
        return None
    return Total(_added(numbers, seconds), _added(numbers, count))


def _mean_share(numbers: Sequence[float], places: _Places) -> float | None:
    values = [numbers[place] for place in places]
    return sum(values) / len(values) if values and max(values) <= 1 else None


def _engine(figures: _Figures) -> Engine:
    engine = Engine._make(figures)
    share = engine.kv_usage
    return engine if share is None or share <= 1 else engine._replace(kv_usage=None)
