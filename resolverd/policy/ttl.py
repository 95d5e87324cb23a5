"""How long an answer may be kept: the horizon rule of docs/meaning.md, "The TTL".

A TTL starts falling at the first failed probe, stays low while a preferred region is away,
and ramps back once it is home. All times in seconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from resolverd.policy.decision import RegionStatus


def ttl_of(
    consulted: Iterable[RegionStatus],
    *,
    ttl: float,
    failover_ttl: float,
    staleness: float = 0.0,
    answered: bool = False,
) -> int:
    """The TTL of an answer that these regions decided, in whole seconds.

    `answered`: no region serves and one is answered all the same, so that what endpoints are alive
    decides which. `staleness` is how old the answer may be when it is next computed: what runs
    toward a known moment is shortened by it, so that the TTL is still true then.
    """
    least = min(
        (
            horizon(s, ttl=ttl, failover_ttl=failover_ttl, staleness=staleness, answered=answered)
            for s in consulted
        ),
        default=ttl,
    )
    return math.floor(max(failover_ttl, min(least, ttl)))


def horizon(
    status: RegionStatus,
    *,
    ttl: float,
    failover_ttl: float,
    staleness: float = 0.0,
    answered: bool = False,
) -> float:
    """How far ahead this region's part in the answer can be relied upon.

    That of one that serves, or is `answered` all the same, is the least of its own (an override's)
    and of that of the endpoints whose addresses are in the answer.
    """
    whole = answered or status.serves
    changed = _since_change(status, whole)
    ramp = ttl if changed is None else max(failover_ttl, changed)
    return min(_min_until_change(status, whole) - staleness, ramp)


def settled(status: RegionStatus, ttl: float) -> bool:
    """Whether time alone will not change this region's horizons any more."""
    changed = _since_change(status, whole=True)
    ramping = changed is not None and changed < ttl
    return math.isinf(_min_until_change(status, whole=True)) and not ramping


def source_ttl(left: float, *, staleness: float = 0.0) -> int | None:
    """The TTL that addresses of a hostname allow of which `left` seconds are left at their source.

    Never more than those (RFC 2181 §5.2 has one TTL for an RRset, and ours may not outlive the
    least of them), and at least 1: a TTL of 0 would bring back every client at once. None for
    addresses that do not run out. It may be less than `failover_ttl`.
    """
    return None if math.isinf(left) else max(1, math.floor(left - staleness))


def _min_until_change(status: RegionStatus, whole: bool) -> float:
    """Seconds until probing, an override or a step of its shares could change its part.

    The shares of a region that does not serve have no part in any answer.
    """
    own = min(status.min_until_flip, status.steady) if status.serves else status.min_until_flip
    return min(own, status.answer_min_until_flip) if whole else own


def _since_change(status: RegionStatus, whole: bool) -> float | None:
    """Seconds since the last change that its part in the answer has."""
    moments = (status.since_change, status.answer_since_change if whole else None)
    return min((each for each in moments if each is not None), default=None)
