"""Reads a load page by its format, which is given or found by the names on the page; pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Generator, Mapping

from resolverd.health.load_pages.formats import FORMATS, Format, Metric
from resolverd.health.load_pages.page import LoadPage
from resolverd.health.load_pages.samples import Sample, find_samples
from resolverd.health.load_pages.slots import read_slots

_STARTED = "process_start_time_seconds"
_Samples = Mapping[str, list[Sample]]


def read_page(
    page: bytes, *, format_: str | Format = "auto", models: Collection[str] = ()
) -> Generator[None, None, LoadPage | None]:
    """What the page tells, in steps; None where it is none that is known, or tells nothing.

    `format_` is a format, the name of one, or "auto". Of several models on the page only `models`
    count, and none where none of them is there.
    """
    if format_ in {"llama.cpp", "auto"}:
        slots = read_slots(page)
        if slots is not None:
            return slots
    known = format_ if isinstance(format_, Format) else (yield from _find(page, format_))
    if known is None:
        return None
    found = yield from _read(page, known, models)
    gauges = (found.running, found.waiting, found.kv_usage, found.tokens)
    return found if found.work or gauges != (None,) * 4 else None


def _find(page: bytes, name: str) -> Generator[None, None, Format | None]:
    for format_ in FORMATS:
        yield
        if name == format_.name:
            return format_
        if name == "auto" and any(
            page.startswith(mark.encode()) or b"\n" + mark.encode() in page
            for mark in format_.marks
        ):
            return format_
    return None


def _read(page: bytes, format_: Format, models: Collection[str]) -> Generator[None, None, LoadPage]:
    gauges = (format_.running, format_.waiting, format_.kv_usage)
    metrics = [m for m in (*gauges, *format_.tokens, *format_.work) if m is not None]
    wanted = {_STARTED, *(name for m in metrics for name in (*m.names, m.times) if name)}
    samples = _of_models((yield from find_samples(page, wanted)), format_.model, models)
    yield
    running, waiting, kv_usage = (_number(samples, metric) for metric in gauges)
    counters = {m.names[0]: _number(samples, m) for m in (*format_.work, *format_.tokens)}
    tokens = [counters[m.names[0]] for m in format_.tokens]
    counts = [total for total in tokens if total is not None]
    return LoadPage(
        format=format_.name,
        running=running,
        waiting=waiting,
        kv_usage=kv_usage if kv_usage is not None and kv_usage <= 1 else None,
        tokens=sum(counts) if counts else None,
        started=_number(samples, Metric((_STARTED,))),
        work={name: value for name, value in counters.items() if value is not None},
    )


def _of_models(
    samples: _Samples, labels: tuple[str, ...], models: Collection[str]
) -> dict[str, list[Sample]]:
    """The samples of `models`, and of no named one. Some servers write names in lower case."""
    wanted = {model.lower() for model in models}

    def counts(sample: Sample) -> bool:
        named = [sample.labels[label].lower() for label in labels if sample.labels.get(label)]
        return not wanted or not named or any(name in wanted for name in named)

    kept = {name: [s for s in found if counts(s)] for name, found in samples.items()}
    return {name: found for name, found in kept.items() if found}


def _number(samples: _Samples, metric: Metric | None) -> float | None:
    """The number that the metric makes; None where it is not told or one of its samples is odd."""
    if metric is None:
        return None
    for name in metric.names:
        values = [
            sample.value
            for sample in samples.get(name, ())
            if all(sample.labels.get(label, "") == value for label, value in metric.labels)
        ]
        if values:
            number = sum(values) / (len(values) if metric.mean else 1) * metric.scale
            if metric.times:
                factor = _number(samples, Metric((metric.times,)))
                number = math.nan if factor is None else number * factor
            return number if math.isfinite(number) else None
    return None
