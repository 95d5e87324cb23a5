"""How long an answer may be kept: the horizon rule of DESIGN §4.

A TTL starts falling at the first failed probe, stays low while a preferred region is away,
and ramps back once it is home. All times in seconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from resolverd.policy.decision import Standing


def ttl_of(
    consulted: Iterable[Standing], *, ttl: float, failover_ttl: float, staleness: float = 0.0
) -> int:
    """The TTL of an answer that these regions decided, in whole seconds.

    `staleness` is how old the answer may be when it is next computed: what runs toward a
    known moment is shortened by it, so that the TTL is still true then.
    """
    least = min(
        (horizon(s, ttl=ttl, failover_ttl=failover_ttl, staleness=staleness) for s in consulted),
        default=ttl,
    )
    return math.floor(max(failover_ttl, min(least, ttl)))


def horizon(
    standing: Standing, *, ttl: float, failover_ttl: float, staleness: float = 0.0
) -> float:
    """How far ahead this region's part in the answer can be relied upon."""
    ramp = ttl if standing.changed is None else max(failover_ttl, standing.changed)
    return min(_earliest(standing) - staleness, ramp)


def settled(standing: Standing, ttl: float) -> bool:
    """Whether time alone will not change this region's horizon any more."""
    ramping = standing.changed is not None and standing.changed < ttl
    return math.isinf(_earliest(standing)) and not ramping


def source_ttl(left: float, *, staleness: float = 0.0) -> int | None:
    """The TTL that addresses of a hostname allow of which `left` seconds are left at their source.

    Never more than those (RFC 2181 §5.2 has one TTL for an RRset, and ours may not outlive the
    least of them), and at least 1: a TTL of 0 would bring back every client at once. None for
    addresses that do not run out. It may be less than `failover_ttl`.
    """
    return None if math.isinf(left) else max(1, math.floor(left - staleness))


def _earliest(standing: Standing) -> float:
    """Seconds until probing, an override or a step of its shares could change its part.

    The shares of a region that does not serve have no part in any answer.
    """
    return min(standing.soonest, standing.steady) if standing.serves else standing.soonest
