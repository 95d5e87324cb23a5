"""What would change for a zone file that was served by BIND so far.

Each finding of a load goes under one heading; what BIND does is as its 9.18 does it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from resolverd.errors import Problem
from resolverd.zone.catalogue import CHECKS

Heading = Literal["refused", "left out", "read otherwise", "refused if strict", "advice"]
HEADINGS: Mapping[Heading, str] = {
    "refused": "refused until it is corrected",
    "left out": "left out, and never answered",
    "read otherwise": "read otherwise than BIND reads it",
    "refused if strict": 'served, and refused with server.zone_checks = "strict"',
    "advice": "served, with a warning",
}
_LEFT_OUT = frozenset({"zone-out-of-zone", "zone-occluded", "zone-duplicate-record"})
_OTHERWISE = frozenset({"zone-generate-offset", "zone-ttl-mismatch", "zone-origin-differs"})


def by_heading(problems: Iterable[Problem]) -> dict[Heading, list[Problem]]:
    """The findings under their headings, in the order of `HEADINGS`."""
    sorted_: dict[Heading, list[Problem]] = {heading: [] for heading in HEADINGS}
    for problem in problems:
        sorted_[_heading(problem)].append(problem)
    return sorted_


def _heading(problem: Problem) -> Heading:
    if problem.severity == "error":
        return "refused"
    if problem.id in _LEFT_OUT:
        return "left out"
    if problem.id in _OTHERWISE:
        return "read otherwise"
    return "refused if strict" if CHECKS[problem.id].lenient else "advice"
