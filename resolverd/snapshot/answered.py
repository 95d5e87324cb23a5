"""Which endpoints a region would be answered with, and how long that holds; pure.

Serving and having something to hand out are two facts. Endpoints without an address are no part
of any answer. Of the others the best alone are: those that serve; where none does, those that are
measured up although an operator, the hours or their number keep the region from serving; then
those of which nothing is known; and what is known to be dead only where nothing else is left.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from resolverd.health.verdict import Verdict
from resolverd.snapshot.model import EndpointPlan


class Answered(NamedTuple):
    """The endpoints in a region's answer.

    `alive`: whether they serve or are measured up. `no_flip_before` and `changed` are readings of
    the monotonic clock: before the one their status cannot change, at the other an endpoint of the
    region last did (None where none has).
    """

    endpoints: tuple[EndpointPlan, ...]
    alive: bool
    no_flip_before: float
    changed: float | None


def answered(
    endpoints: Iterable[EndpointPlan],
    judged: Mapping[str, Verdict],
    measured: Mapping[str, Verdict],
) -> Answered:
    """The best of `endpoints`, all of which have an address.

    `judged` are verdicts by probe target under operators' overrides, `measured` without them: the
    first decide while an endpoint serves by them, both where none does.
    """
    able = tuple(endpoints)
    serving = tuple(endpoint for endpoint in able if judged[endpoint.target].serves)
    if serving:
        return _of(serving, True, [judged])
    both = [judged, measured]
    live = tuple(endpoint for endpoint in able if measured[endpoint.target].serves)
    if live:
        return _of(live, True, both)
    unknown = tuple(endpoint for endpoint in able if measured[endpoint.target].unknown)
    return _of(unknown or able, False, both)


def _of(
    best: tuple[EndpointPlan, ...], alive: bool, seen: Iterable[Mapping[str, Verdict]]
) -> Answered:
    views = list(seen)
    no_flip_before = (view[endpoint.target].no_flip_before for view in views for endpoint in best)
    moments = (verdict.changed_at for view in views for verdict in view.values())
    changed = max((moment for moment in moments if moment is not None), default=None)
    return Answered(best, alive, min(no_flip_before, default=math.inf), changed)
