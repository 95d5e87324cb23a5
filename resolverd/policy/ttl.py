"""How long an answer may be kept: the horizon rule of docs/meaning.md, "The TTL".

A TTL starts falling at the first failed probe, stays low while a preferred region is away,
and ramps back once it is home. All times in seconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal, NamedTuple

from resolverd.policy.decision import RegionStatus

Bound = Literal["flip", "step", "answer_flip", "ramp", "answer_ramp", "epoch", "ttl"]
"""What bounds a TTL: one of `Limits`, the end of a block's epoch, or the service's own `ttl`."""
_BOUNDS: tuple[Bound, ...] = ("flip", "step", "answer_flip", "ramp", "answer_ramp")


class Limits(NamedTuple):
    """How far ahead each kind of change leaves a region's part in an answer as it is.

    `flip`: its state may change, by probing or because an override ends. `step`: its shares may
    move. `ramp`: it changed a while ago, and a TTL is not more than that. `answer_flip` and
    `answer_ramp` are the same of the endpoints whose addresses are in the answer.
    """

    flip: float
    step: float
    answer_flip: float
    ramp: float
    answer_ramp: float


class BoundedTtl(NamedTuple):
    """A TTL in whole seconds, and what bounded it.

    Where it is a region, that one's least limit is `limit`; a limit below `failover_ttl` is one
    that gave way to it. `otherwise` is the TTL that the other regions consulted would allow.
    """

    seconds: int
    bound: Bound
    region: str | None
    limit: float
    otherwise: int


def ttl_of(
    consulted: Iterable[tuple[str, RegionStatus]],
    *,
    ttl: float,
    failover_ttl: float,
    staleness: float = 0.0,
    answered: bool = False,
) -> BoundedTtl:
    """The TTL of an answer that these regions decided, by name.

    `answered`: no region serves and one is answered all the same, so that what endpoints are alive
    decides which. `staleness` is how old the answer may be when it is next computed: what runs
    toward a known moment is shortened by it, so that the TTL is still true then.
    """
    least, second = ttl, ttl
    bound: Bound = "ttl"
    region = None
    for name, status in consulted:
        found = limits(status, ttl=ttl, staleness=staleness, answered=answered)
        own = min(found)
        if own < least:
            least, second = own, least
            bound, region = _BOUNDS[found.index(own)], name
        else:
            second = min(second, own)
    return BoundedTtl(
        _whole(least, failover_ttl), bound, region, least, _whole(second, failover_ttl)
    )


def horizon(
    status: RegionStatus,
    *,
    ttl: float,
    failover_ttl: float,
    staleness: float = 0.0,
    answered: bool = False,
) -> float:
    """How far ahead this region's part in the answer can be relied upon, as a TTL counts it."""
    found = limits(status, ttl=ttl, staleness=staleness, answered=answered)
    return max(failover_ttl, min(found))


def limits(
    status: RegionStatus,
    *,
    ttl: float,
    staleness: float = 0.0,
    answered: bool = False,
) -> Limits:
    """What each kind of change allows this region's part in an answer; `ttl` where it never came.

    Of one that serves, or is `answered` all the same, the endpoints whose addresses are in the
    answer count beside its own (an override's). The shares of a region that does not serve have no
    part in any answer.
    """
    whole = answered or status.serves
    since = status.answer_since_change if whole else None
    return Limits(
        status.min_until_flip - staleness,
        status.steady - staleness if status.serves else math.inf,
        status.answer_min_until_flip - staleness if whole else math.inf,
        ttl if status.since_change is None else status.since_change,
        ttl if since is None else since,
    )


def still_for(status: RegionStatus, ttl: float, staleness: float = 0.0) -> float:
    """For how many seconds time alone changes no TTL of up to `ttl` that this region has a part in.

    Infinite: never. What runs toward a known moment counts once that is closer than a TTL.
    """
    found = limits(status, ttl=ttl, staleness=staleness, answered=True)
    if min(found.ramp, found.answer_ramp) < ttl:
        return 0.0
    return max(0.0, min(found.flip, found.step, found.answer_flip) - ttl)


def source_ttl(left: float, *, staleness: float = 0.0) -> int | None:
    """The TTL that addresses of a hostname allow of which `left` seconds are left at their source.

    Never more than those (RFC 2181 §5.2 has one TTL for an RRset, and ours may not outlive the
    least of them), and at least 1: a TTL of 0 would bring back every client at once. None for
    addresses that do not run out. It may be less than `failover_ttl`.
    """
    return None if math.isinf(left) else max(1, math.floor(left - staleness))


def _whole(seconds: float, failover_ttl: float) -> int:
    return math.floor(max(failover_ttl, seconds))
