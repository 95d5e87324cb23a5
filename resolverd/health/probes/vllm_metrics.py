"""What vLLM's `/metrics` page says, of the few families that matter (`vllm_samples`); pure.

The page is not trusted: nothing in it raises, and what cannot be read is None, as is what is
missing. Samples that name another model in `model_name` are not read. Samples of several engines
are kept apart in `engines`, and added up for the page as a whole, but the use of the KV cache is
their mean: requests go to any engine, so the endpoint is full when all of them are, and one that
is full alone shows itself by what waits. Names differ between versions of vLLM; of several
spellings the first that occurs counts. Names and labels: vllm/v1/metrics/loggers.py and
prometheus-fastapi-instrumentator, as of vLLM 0.32.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Generator, Iterable, Mapping

from resolverd.health.probes import vllm_samples as names
from resolverd.health.probes.vllm_layout import KnownLayout, layout_of
from resolverd.health.probes.vllm_page import BY_ENGINE, Engine, Page
from resolverd.health.probes.vllm_samples import Samples, find_lines, samples_of
from resolverd.health.readings import Buckets, Total

__all__ = ["Engine", "Page", "read_page", "read_samples"]


def read_page(
    text: bytes, models: Collection[str] = (), known: KnownLayout | None = None
) -> Generator[None, None, Page]:
    """What `text` tells of one of `models`, of any where none is named; in steps.

    `known` is the layout of the page before this one, and then of this one. Never raises; a last
    line without its end is ignored.
    """
    known = known or KnownLayout()
    if (page := known.read(text, models)) is not None:
        return page
    lines = yield from find_lines(text)
    found = layout_of(lines, models)
    known.layout = found[0] if found else None
    if found is not None:
        layout, numbers = found
        return layout.page(numbers)
    return (yield from read_samples(lines, models))


def read_samples(lines: Iterable[bytes], models: Collection[str]) -> Generator[None, None, Page]:
    """The same of the lines that matter (`find_lines`), one by one, whatever they are; in steps."""
    samples = yield from samples_of(lines, models)
    engines = yield from _engines(samples)
    buckets = _buckets(samples)
    yield
    responses = _responses(samples)
    yield
    starts = _values(samples, names.STARTED)
    return Page(
        running=_sum(samples, names.RUNNING),
        waiting=_sum(samples, names.WAITING),
        kv_usage=_mean_share(samples, names.KV_USAGE),
        generated=_sum(samples, names.GENERATED),
        prompt=_sum(samples, names.PROMPT),
        iterations=_sum(samples, names.ITERATIONS),
        rejections=_sum(samples, names.REJECTIONS),
        started=starts[0] if len(starts) == 1 else None,
        ttft=buckets,
        ttft_total=_total(samples, names.TTFT_SECONDS, names.TTFT_COUNT),
        queue_total=_total(samples, names.QUEUE_SECONDS, names.QUEUE_COUNT),
        completed=_sum(samples, names.COMPLETED),
        responses=responses,
        gathered=len(starts) > 1,
        engines=engines,
    )


def _engines(samples: Samples) -> Generator[None, None, Mapping[bytes, Engine]]:
    """Each engine that has a counter of progress; none where the page mixes two of one name."""
    engines: dict[bytes, dict[str, float | None]] = {}
    for field_name, spellings in BY_ENGINE.items():
        for name in spellings:
            if name in samples:
                for count, (series, value) in enumerate(samples[name]):
                    if count % 256 == 255:
                        yield
                    engine = engines.setdefault(series.source, {})
                    known = math.isfinite(value) and (field_name != "kv_usage" or value <= 1)
                    # Two samples of one engine cannot be told apart.
                    engine[field_name] = value if known and field_name not in engine else None
                break
    progress = ("generated", "prompt", "iterations")
    return {
        source: Engine(**values)
        for source, values in engines.items()
        if any(values.get(name) is not None for name in progress)
    }


def _sum(samples: Samples, spellings: tuple[str, ...]) -> float | None:
    for name in spellings:
        if (found := samples.get(name)) is not None:
            added = sum([value for _, value in found])
            return None if math.isnan(added) else added
    return None


def _total(samples: Samples, seconds: tuple[str, ...], count: tuple[str, ...]) -> Total | None:
    """The sum and the count of a histogram; None where either is missing."""
    added, counted = _sum(samples, seconds), _sum(samples, count)
    return None if added is None or counted is None else Total(added, counted)


def _mean_share(samples: Samples, spellings: tuple[str, ...]) -> float | None:
    """The mean of shares; what is more than 1 is no share, and makes it unknown."""
    values = _values(samples, spellings)
    return sum(values) / len(values) if values and max(values) <= 1 else None


def _values(samples: Samples, spellings: tuple[str, ...]) -> list[float]:
    """The values of the first spelling that occurs; none where one of them is unreadable."""
    for name in spellings:
        if name in samples:
            values = [value for _, value in samples[name]]
            return [] if any(map(math.isnan, values)) else values
    return []


def _buckets(samples: Samples) -> Buckets | None:
    counts: dict[float, float] = {}
    for series, value in samples.get(names.TTFT[0], ()):
        if series.bound is None:
            return None
        counts[series.bound] = counts.get(series.bound, 0.0) + value
    if not counts or any(map(math.isnan, (*counts, *counts.values()))):
        return None
    bounds = sorted(counts)
    ordered = [counts[bound] for bound in bounds]
    if not math.isinf(bounds[-1]) or ordered != sorted(ordered):
        return None
    return Buckets(tuple(bounds), tuple(ordered))


def _responses(samples: Samples) -> Mapping[str, float] | None:
    if names.RESPONSES[0] not in samples:
        return None
    totals: dict[str, float] = {}
    for series, value in samples[names.RESPONSES[0]]:
        if not series.answered:
            continue
        if math.isnan(value):
            return None
        totals[series.answered] = totals.get(series.answered, 0.0) + value
    return totals
