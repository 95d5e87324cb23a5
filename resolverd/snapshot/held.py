"""Regions that blocks keep: the history of a service's decisions, and answers that come of it.

The rule is `policy/sticky.py`'s; here it meets Plans, client maps and answers. Histories go from
one Steering to the next: `histories_at` makes those of now out of those before.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from resolverd.dns.prefix import Prefix
from resolverd.policy.decision import Decision, RegionStatus
from resolverd.policy.ranking import PreferenceList
from resolverd.policy.share import draw_word
from resolverd.policy.sticky import (
    Epochs,
    Kept,
    Segment,
    SegmentShare,
    advanced,
    cohort_of,
    epochs_at,
)
from resolverd.policy.ttl import BoundedTtl, ttl_of
from resolverd.snapshot.entries import ClientMap, MapEntry

if TYPE_CHECKING:
    from resolverd.snapshot.model import CachedAnswer, Plan, ServicePlan, Steering


class History(NamedTuple):
    """What a service's decisions have rested on, the oldest segment first.

    `mapped` is the generation of the Plan that brought the client map which its last segments had;
    0 of a history that another process has kept, whose map is taken to be that of now.
    """

    segments: tuple[Segment, ...]
    mapped: int = 0

    @property
    def moving(self) -> bool:
        """Whether time alone may move a block."""
        return len(self.segments) > 1


class EarlierMap(NamedTuple):
    """The client map that a service had before, which the Plan of generation `mapped` brought."""

    clients: ClientMap
    mapped: int


class Held(NamedTuple):
    """That a block keeps a region: since and until when, Unix seconds; what would be given now."""

    since: float
    until: float
    now: CachedAnswer


def histories_at(
    plan: Plan,
    statuses: Mapping[str, Mapping[str, RegionStatus]],
    before: Mapping[str, History],
    unix: float,
) -> dict[str, History]:
    """The histories of all sticky services, once these are the statuses of their regions."""
    found = {}
    for name, service in plan.services.items():
        if service.sticky:
            known = _under_map(before.get(name, History(())), service)
            segment = segment_of(statuses[name], service.trickle, unix)
            found[name] = History(advanced(known, segment, service.sticky), service.mapped)
    return found


def epochs_of(
    plan: Plan, histories: Mapping[str, History], unix: float, until: float
) -> dict[str, Epochs]:
    """The epochs of those services in which some block may keep what would not be given now.

    They are answered from between `unix` and `until`, in Unix seconds.
    """
    found = {}
    for name, history in histories.items():
        epochs = epochs_at(history.segments, unix, plan.services[name].sticky, until)
        if epochs is not None:
            found[name] = epochs
    return found


def hold(
    epochs: Epochs,
    steering: Steering,
    service: ServicePlan,
    client: Prefix,
    entry: MapEntry,
    cached: CachedAnswer,
    scope: int,
    *,
    reordered: bool = False,
) -> tuple[CachedAnswer, int]:
    """What a client is given whose region would be that of `cached` now, and in which scope.

    `scope` is that of `cached`, `reordered` as `Steering.answer` has it. Where nothing but the
    block's epoch could tell clients of this list apart, a client too short for its entry hears of
    the block too.
    """
    preference, then = entry.preference, None
    if service.earlier is not None and epochs.earlier:
        found = service.earlier.clients.lookup(client)
        then = _listed_then(found.preference, preference, service, reordered=reordered)
        scope = max(scope, found.scope)
    first = preference[:1]
    steadfast = epochs.steadfast.issuperset(first) and (then is None or then[:1] == first)
    if steadfast and scope <= client.length:
        return cached, scope
    block = service.clients.block(client)
    scope = max(scope, block.scope)
    if steadfast:
        return cached, scope
    word = draw_word(block.prefix)
    kept = epochs.kept(word, preference, then)
    if kept is None or kept.region == cached.region:
        return cached, scope
    return _held(epochs, steering, service, preference[0], kept, word, cached), scope


def _listed_then(
    earlier: PreferenceList, preference: PreferenceList, service: ServicePlan, *, reordered: bool
) -> PreferenceList:
    """A client's list by the map before, of the regions in its `preference` list of now.

    What no map of this service orders stands as it does now: a core's regions as seen from an edge
    region (`reordered`), and behind an edge service's own those of its core.
    """
    if reordered:
        return tuple(region for region in preference if region in earlier)
    behind = frozenset[str]() if service.core is None else service.core.behind
    own = (region for region in earlier if region in preference and region not in behind)
    return (*own, *(region for region in preference if region in behind))


def _held(
    epochs: Epochs,
    steering: Steering,
    service: ServicePlan,
    first: str,
    kept: Kept,
    word: int,
    cached: CachedAnswer,
) -> CachedAnswer:
    """The answer with a region that is kept until the block's epoch ends."""
    cohort, region = cohort_of(word), kept.region
    left, end = epochs.left[cohort], epochs.ends[cohort]
    allowed = ttl_of(
        [(region, steering.statuses[service.name][region])],
        ttl=service.ttl,
        failover_ttl=service.failover_ttl,
        staleness=steering.staleness,
    )
    bounded = allowed
    if left < allowed.limit:
        seconds = math.floor(max(service.failover_ttl, left))
        bounded = BoundedTtl(seconds, "epoch", region, left, allowed.seconds)
    return replace(
        cached,
        outcome="held",
        region=region,
        first_choice=region == first,
        records=steering.records[service.name][region],
        ttl=bounded.seconds,
        error=None,
        per_block=True,
        no_region=None,
        decision=Decision("held", region, (region,), reasons=("held",)),
        bounded=bounded,
        held=Held(max(end - service.sticky, epochs.segments[kept.segment].since), end, cached),
    )


def _under_map(history: History, service: ServicePlan) -> tuple[Segment, ...]:
    """The segments with those marked that had the map before, and without those of older ones."""
    if history.mapped in (0, service.mapped):
        return history.segments
    if service.earlier is None or service.earlier.mapped != history.mapped:
        return ()
    return tuple(replace(s, earlier=True) for s in history.segments if not s.earlier)


def segment_of(
    statuses: Mapping[str, RegionStatus], trickle: float, since: float, *, earlier: bool = False
) -> Segment:
    """What decisions rest on where the regions of a service stand so."""
    serving = {region: status for region, status in statuses.items() if status.serves}
    shares = {
        region: SegmentShare(
            status.spill_ratio,
            status.accept_ratio,
            status.positions if status.spill_ratio else None,
            status.spill_off and trickle > 0,
        )
        for region, status in serving.items()
        if status.spill_ratio or status.accept_ratio or (status.spill_off and trickle > 0)
    }
    return Segment(since, frozenset(serving), shares, trickle, earlier)
