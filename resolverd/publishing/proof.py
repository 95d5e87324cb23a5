"""Whether a generation has proved itself at an edge: pure, from figures and limits.

Figures are shares from 0 to 1, but for `ttl`, a factor:

| figure | what it is |
| --- | --- |
| `moved` | answers of the panel that have other records, or another region, than before |
| `unserved` | answers of the panel without a serving region, above what it was before |
| `ttl` | the mean TTL of the panel's answers against that before, the greater by the smaller |
| `servfail` `refused` `nxdomain` | responses with that RCODE, above their share before |

The *panel* asks the Snapshot before and the one after the same: `panel.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

RCODES = {"servfail": 2, "refused": 5, "nxdomain": 3}
"""The RCODEs that are looked at, by the name of the figure (RFC 1035 section 4.1.1)."""

LEAST_RESPONSES = 20
"""Responses below which their RCODEs say nothing: one typing error of a client is 5 % of them."""

_WORDS = {
    "moved": "of the panel's answers have moved",
    "unserved": "more of the panel's answers have no region that serves",
    "servfail": "more of the responses are SERVFAIL",
    "refused": "more of the responses are REFUSED",
    "nxdomain": "more of the responses are NXDOMAIN",
}


class Given(NamedTuple):
    """One answer of the panel: what it consists of, whether a region serves, and its TTL in s."""

    answer: object
    served: bool
    ttl: float


Answers = Mapping[tuple[str, int], Given]
"""Answers by service and number of the client in the panel."""


def panel_figures(before: Answers, after: Answers) -> dict[str, float]:
    """The figures of the panel: of what both can be asked; none where that is nothing."""
    both = before.keys() & after.keys()
    if not both:
        return {}
    moved = sum(before[key].answer != after[key].answer for key in both)
    unserved = sum(not after[key].served for key in both) - sum(
        not before[key].served for key in both
    )
    then = sum(before[key].ttl for key in both) or 1.0
    now = sum(after[key].ttl for key in both) or 1.0
    return {
        "moved": moved / len(both),
        "unserved": max(0.0, unserved / len(both)),
        "ttl": max(then / now, now / then),
    }


def rcode_figures(before: Mapping[int, int], between: Mapping[int, int]) -> dict[str, float]:
    """The figures of responses by RCODE: those given `before`, and `between` then and now."""
    given = sum(between.values())
    if given < LEAST_RESPONSES:
        return {}
    was = sum(before.values())
    figures = {}
    for name, rcode in RCODES.items():
        share_before = before.get(rcode, 0) / was if was >= LEAST_RESPONSES else 0.0
        figures[name] = max(0.0, between.get(rcode, 0) / given - share_before)
    return figures


def failures(figures: Mapping[str, float], limits: Mapping[str, float]) -> list[str]:
    """What is above its limit, in words."""
    found = []
    for name, value in figures.items():
        if name not in limits or value <= limits[name]:
            continue
        if name == "ttl":
            found.append(
                f"TTLs are {value:.3g} times what they were, or a part; limit {limits[name]:g}"
            )
        else:
            found.append(f"{value:.3g} {_WORDS[name]}; limit {limits[name]:g}")
    return found
