"""What would change for a zone file that was served by BIND so far.

Each finding of a load goes under one heading; what BIND does is as its 9.18 does it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from dns.rdatatype import DNSKEY, NSEC, NSEC3, NSEC3PARAM, RRSIG

from resolverd.errors import Problem
from resolverd.zone.catalogue import CHECKS
from resolverd.zone.model import Zone
from resolverd.zone.tree import type_list

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
_SIGNING = frozenset({RRSIG, NSEC, NSEC3, NSEC3PARAM, DNSKEY})


def by_heading(problems: Iterable[Problem]) -> dict[Heading, list[Problem]]:
    """The findings under their headings, in the order of `HEADINGS`."""
    sorted_: dict[Heading, list[Problem]] = {heading: [] for heading in HEADINGS}
    for problem in problems:
        sorted_[_heading(problem)].append(problem)
    return sorted_


def signed(zone: Zone) -> str:
    """What is said of a zone that holds records of DNSSEC; empty for one that holds none."""
    held = {rdtype for rrsets in zone.rrsets.values() for rdtype in rrsets} & _SIGNING
    if not held:
        return ""
    return (
        f"{zone.origin} is signed ({type_list(held)}): zones are served unsigned here; take its DS "
        "out of the parent zone before it moves, and import the unsigned file"
    )


def _heading(problem: Problem) -> Heading:
    if problem.severity == "error":
        return "refused"
    if problem.id in _LEFT_OUT:
        return "left out"
    if problem.id in _OTHERWISE:
        return "read otherwise"
    return "refused if strict" if CHECKS[problem.id].lenient else "advice"
