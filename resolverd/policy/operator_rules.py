"""Spill rules: what an operator says that regions send on, whatever their load is; pure.

    key              of
    ───────────────  ──────────────────────────────────────────────────────────
    chat             each region of the service that has no rule of its own
    chat/eu-west     that region of the service

A region under a rule sends on just the rule's share. With the share 0 it is out of spilling: it
sends nobody on, and takes nobody; no trickle goes from it or to it either. Who takes what a rule
sends on is decided as without one: regions that serve, send nobody on themselves, and have room
(`with_room`); only not by steps. So a share is the most that moves, and what nobody has room for
stays where it is. No rule adds a region to anybody's list, so none reaches beyond a fence.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from resolverd.policy.share import NO_SHARE, Share
from resolverd.policy.spill import clients_of, due_of, headroom, in_flight, is_full, seen
from resolverd.policy.spill_state import RegionLoad, RegionShare, Spill, SpillRule

OFF = 0.0
"""The share of a rule that takes its regions out of spilling."""


@dataclass(frozen=True, slots=True)
class OperatorRule:
    """Who says what share (0 to 1), why, since when (`set_at`) and until when (None: cleared).

    Times are readings of one clock, in seconds. Raises ValueError for what is no share.
    """

    share: float
    who: str
    why: str
    set_at: float
    until: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"{self.share} is no share: one lies between 0 and 1")

    def active(self, now: float) -> bool:
        """Whether it still holds; at `until` itself it no longer does."""
        return self.until is None or now < self.until

    def remaining(self, now: float) -> float:
        """Seconds until it ends by itself; infinite when it never does."""
        return math.inf if self.until is None else max(0.0, self.until - now)


def key_of(service: str, region: str = "") -> str:
    """What a rule is known by: that of one region, or of the whole service. Neither has a slash."""
    return f"{service}/{region}" if region else service


def parts_of(key: str) -> tuple[str, str]:
    """The service and the region of a key; the region is empty where it is of the whole service."""
    service, _, region = key.partition("/")
    return service, region


def keys_of_service(service: str, regions: Iterable[str]) -> list[str]:
    """All that a service of these regions may have a rule on."""
    return [service, *(key_of(service, region) for region in regions)]


def in_words(share: float) -> str:
    """A rule's share for people: ``off``, or ``30%``."""
    return f"{100 * share:g}%" if share else "off"


def rules_of(
    service: str, regions: Iterable[str], rules: Mapping[str, OperatorRule]
) -> dict[str, OperatorRule]:
    """The rule of each region that has one: its own, else that of the whole service.

    The service's is never of a share above 0, which would leave nobody to take it (`admin`).
    """
    whole = rules.get(service)
    found = {region: rules.get(key_of(service, region), whole) for region in regions}
    return {region: rule for region, rule in found.items() if rule is not None}


def under_rules(
    shares: Mapping[str, Share], rules: Mapping[str, OperatorRule], now: float
) -> dict[str, Share]:
    """`shares` by region, with what rules add: who is out of spilling.

    None of a region under a rule is steady for longer than its rule holds.
    """
    known = dict(shares)
    for region, rule in rules.items():
        share = known.get(region, NO_SHARE)
        steady = min(share.steady, rule.remaining(now))
        known[region] = share._replace(steady=steady, spill_off=rule.share == OFF)
    return known


def advance_by_rules(
    spill: Spill, loads: Mapping[str, RegionLoad], rule: SpillRule, now: float
) -> Spill:
    """The shares of a service where no region sends on by itself, but only as operators say."""
    before = {region: spill.regions.get(region, RegionShare()) for region in loads}
    regions = {region: seen(own, loads[region], 0.0, now) for region, own in before.items()}
    senders = [region for region, own in regions.items() if own.spill_ratio and loads[region].said]
    anew, due = _anew(before, regions, senders), due_of(spill, rule.dwell, now)
    for region, own in regions.items():
        sends = region in senders
        # Who has room is found anew in rounds, from what it took `before` (`with_room`).
        holds = bool(senders) and not (anew or now >= due)
        regions[region] = replace(
            own,
            spill_ratio=own.spill_ratio if sends else 0.0,
            accept_ratio=own.accept_ratio if holds else 0.0,
            step_pending=sends,
        )
    return Spill(regions, now + rule.dwell if senders and now >= due else due)


def with_room(
    before: Spill, after: Spill, loads: Mapping[str, RegionLoad], rule: SpillRule, now: float
) -> Spill:
    """`after`, with those that have room taking what operators have other regions send on.

    `after` is what was made of `before` at `now` (`spill.advance`, `advance_by_cost`). Something
    changes when a rule begins to count, in rounds, and for a region that may begin to take. Where
    no probe of a region tells a load it is not known to be full, and takes all; one whose load
    should be known and is not takes no more.
    """
    known = {region: before.regions.get(region, RegionShare()) for region in after.regions}
    senders = {r: own for r, own in after.regions.items() if loads[r].said and own.spill_ratio}
    if not senders:
        return after
    anew = _anew(known, after.regions, senders)
    all_of_them = anew or now >= before.due
    asked = [
        region
        for region, own in after.regions.items()
        if loads[region].serves
        and loads[region].said is None
        and not own.spill_ratio
        and (all_of_them or (not own.offered and _known(loads[region])))
    ]
    if not asked:
        return after
    # One that takes more takes it of all who spill, and not of those under a rule alone.
    spilling = {region: own for region, own in after.regions.items() if own.spill_ratio}
    clients = {region: clients_of(region, known, loads) for region in spilling}
    most = max(own.spill_ratio for own in senders.values())
    sent = _Sent(most, spilling, known, clients)
    regions = dict(after.regions)
    for region in asked:
        own, load = after.regions[region], loads[region]
        begins = anew or not own.offered
        taking = _taking(own, known[region], load, sent, rule, now, anew=begins)
        regions[region] = replace(taking, offered=own.offered or _known(load))
    return Spill(regions, after.due)


def _known(load: RegionLoad) -> bool:
    """Whether it is known what a region has room for, as far as it ever will be."""
    return load.highest is not None or not load.measured


def _anew(
    before: Mapping[str, RegionShare], after: Mapping[str, RegionShare], senders: Iterable[str]
) -> bool:
    """Whether what operators say has begun to count, or has changed."""
    return any(before[region].spill_ratio != after[region].spill_ratio for region in senders)


@dataclass(frozen=True, slots=True)
class _Sent:
    """The regions that spill, as they are and as they were `before`, and the load of all clients of
    each. `most` is the largest share that operators say."""

    most: float
    senders: Mapping[str, RegionShare]
    before: Mapping[str, RegionShare]
    clients: Mapping[str, float]

    def demand(self, accept_ratio: float) -> float:
        """The load of the clients who would come, all of them, to one that takes more than that."""
        return sum(
            self.clients[region]
            for region, own in self.senders.items()
            if own.spill_ratio > accept_ratio
        )

    def arriving(self, was: RegionShare, own: RegionShare, accept_ratio: float) -> float:
        """The load that comes anew to one that takes so much, and took what it `was`.

        What the round has counted on its way to it (`own`) is left out.
        """
        counted = own.accept_ratio if own.in_flight_at != was.in_flight_at else 0.0
        found = 0.0
        for region, sender in self.senders.items():
            came = min(self.before[region].spill_ratio, was.accept_ratio)
            known = min(sender.spill_ratio, counted) - min(sender.spill_ratio, was.accept_ratio)
            comes = min(sender.spill_ratio, accept_ratio)
            found += self.clients[region] * max(0.0, comes - came - max(0.0, known))
        return found


def _taking(
    own: RegionShare,
    was: RegionShare,
    load: RegionLoad,
    sent: _Sent,
    rule: SpillRule,
    now: float,
    *,
    anew: bool,
) -> RegionShare:
    """One region that may take, after this round; never less than without rules."""
    held = max(own.accept_ratio, min(was.accept_ratio, sent.most))
    felt = now >= was.moved + rule.dwell
    arriving = 0.0
    if not load.measured and load.highest is None:
        accept_ratio = max(held, sent.most)
    elif load.highest is None or load.saturation is None:
        accept_ratio = held
    elif is_full(load, rule):
        accept_ratio = max(own.accept_ratio, held - rule.step) if felt else held
    elif load.highest < rule.end and (felt or anew):
        room = headroom(own, load, rule) - sent.arriving(was, own, held)
        demand = sent.demand(held)
        fits = max(0.0, room) / demand if demand else 0.0
        accept_ratio = held + max(0.0, min(fits, sent.most - held))
        arriving = sent.arriving(was, own, accept_ratio)
    else:
        accept_ratio = held
    if accept_ratio == own.accept_ratio and not arriving:
        return own
    return replace(
        own,
        accept_ratio=accept_ratio,
        moved=now if accept_ratio != was.accept_ratio else own.moved,
        in_flight=arriving + in_flight(own, load, rule) if arriving else own.in_flight,
        in_flight_at=now if arriving else own.in_flight_at,
    )
