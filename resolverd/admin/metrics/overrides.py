"""Overrides in force: of what, of which kind, since when, and for how long."""

from __future__ import annotations

from collections.abc import Iterator

from resolverd.admin.metrics.family import Samples, gauge
from resolverd.admin.metrics.values import LABELS, Subject, Values
from resolverd.health.overrides import Override

_LABELS = (*LABELS, "kind")
_NONE = "without an override"


@gauge(
    "resolverd_override",
    "1 for each override in force; that of a region has no endpoint.",
    labels=_LABELS,
    absent=_NONE,
)
def overrides(values: Values) -> Samples:
    for labels, _ in _active(values):
        yield labels, 1


@gauge(
    "resolverd_override_set_timestamp_seconds",
    "When each override in force was set.",
    labels=_LABELS,
    absent=_NONE,
)
def set_at(values: Values) -> Samples:
    for labels, override in _active(values):
        yield labels, round(values.unix - (values.now - override.set_at))


@gauge(
    "resolverd_override_remaining_seconds",
    "How long until each override in force ends by itself; +Inf where it does not.",
    labels=_LABELS,
    absent=_NONE,
)
def remaining(values: Values) -> Samples:
    for labels, override in _active(values):
        yield labels, override.remaining(values.now)


def _active(values: Values) -> Iterator[tuple[tuple[str, ...], Override]]:
    for key, override in values.served.overrides.active(values.now).items():
        yield (*_subject(values, key), override.kind.value), override


def _subject(values: Values, key: str) -> Subject:
    """What an override is of: a region, an endpoint or a probe target, by its key."""
    if key in values.served.inputs.config.region:
        return Subject(key, "", "")
    named = (subject for subject in values.subjects.values() if subject.endpoint == key)
    found = values.subjects.get(key) or next(named, None)
    return Subject("", key, "") if found is None else found
