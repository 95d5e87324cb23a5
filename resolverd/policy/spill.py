"""How much of a service's clients each region sends on, and how much each may be given.

A round comes at most once per `dwell`, and moves every share of the service by one step or not:

    saturation   a region that may spill              a region that may be given load
    ───────────  ───────────────────────────────────  ───────────────────────────────────────
    ≥ start      gives back what it takes, by a step;  takes a step less
                 once that is nothing, sends on more
    between      holds                                 holds
    < end        sends on a step less                  takes more: a step, or what fits
    unknown      holds                                 holds
    no probe     sends on a step less                  takes a step less
    tells it

What fits is the receiver's headroom, capacity × (end - saturation), against the load that the
regions which spill would hand over with a greater share. Load that was given since the
receiver's last reading, by this service or by others (`policy/shared_regions.py`), is reckoned as
if it had arrived, so that the same room is not given away twice. So no receiver is brought to
`start` by what it is given, and nothing cascades, as long as no region's clients are more than
twice what it can bear; where they are more, a receiver stops one step later.

Receivers have one threshold for all (`policy/share.py`), so a region whose share lies below it
would, by sending on more, hand over load that nobody asked the receiver about: its step, too,
is bounded by that receiver's headroom.

A region that does not serve has no shares, at once. One that comes back with new processes
starts slowly: it sends on a share from its first answer, which shrinks by steps. One of which an
operator says what it sends on (`policy/operator_rules.py`) sends on that, and is given nothing;
once the rule is over it goes on from there, or from nothing where its load is unknown.

Pure: values and a clock reading in, values out. All shares lie between 0 and 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from resolverd.policy.spill_state import RegionLoad, RegionShare, Spill, SpillRule

# Shares closer to nothing than this are nothing: steps are not exact in binary.
_LEAST = 1e-9
# The part of its clients that a region keeps is taken to be this at least: its load is no measure
# of those it sent on once it sent on all.
_REST = 0.01
# A queue is a stock and not a rate: its length tells that more comes than a region can bear, not
# how much more. It is reckoned to be no more than so many times what the region can bear.
_OVERLOAD = 2.0


def advance(spill: Spill, loads: Mapping[str, RegionLoad], rule: SpillRule, now: float) -> Spill:
    """The shares after what is known at `now`; call it on news, and when `due` has come."""
    before = {region: spill.regions.get(region, RegionShare()) for region in loads}
    regions = {
        region: seen(own, loads[region], rule.slow_share, now) for region, own in before.items()
    }
    for region, own in regions.items():
        if own.warming and not before[region].warming:
            regions = carry_on(region, regions, loads, rule.start)
    due = due_of(spill, rule.dwell, now)
    if now >= due:
        stepped = _round(regions, loads, rule, now)
        marked = _marked(stepped, loads, rule)
        if _shares(stepped) != _shares(regions) or any(own.step_pending for own in marked.values()):
            due = now + rule.dwell
        return Spill(marked, due)
    return Spill(_marked(regions, loads, rule), due)


def due_of(spill: Spill, dwell: float, now: float) -> float:
    """When the next round is due, where rounds are no closer than `dwell`.

    What was set by a longer one, or by a wall clock that was set back between two runs, does not
    put it off.
    """
    return min(spill.due, now + dwell)


def _shares(regions: Mapping[str, RegionShare]) -> dict[str, tuple[float, float]]:
    return {region: (own.spill_ratio, own.accept_ratio) for region, own in regions.items()}


def seen(own: RegionShare, load: RegionLoad, slow_share: float, now: float) -> RegionShare:
    """What a region's going and coming back, and operators, do to it at once."""
    if not load.serves:
        moved = now if own.spill_ratio or own.accept_ratio else own.moved
        return RegionShare(moved=moved, not_serving=True, started=own.started)
    if max(own.moved, own.in_flight_at) > now:  # the wall clock was set back between two runs
        own = replace(own, moved=min(own.moved, now), in_flight_at=min(own.in_flight_at, now))
    known = [started for started in (own.started, load.started) if started is not None]
    started = max(known, default=None)
    if load.said is not None:
        return _as_said(own, load.said, started, now)
    if own.said:
        own = _released(own, load, now)
    restarted = own.started is not None and started != own.started
    if own.not_serving and restarted and slow_share > 0:
        return RegionShare(spill_ratio=slow_share, moved=now, warming=True, started=started)
    return replace(own, not_serving=False, started=started)


def _as_said(own: RegionShare, share: float, started: float | None, now: float) -> RegionShare:
    """A region that sends on what an operator says, and takes nobody."""
    changed = (own.spill_ratio, own.accept_ratio) != (share, 0.0)
    return replace(
        own,
        spill_ratio=share,
        accept_ratio=0.0,
        moved=now if changed else own.moved,
        warming=False,
        not_serving=False,
        started=started,
        said=True,
        offered=False,
    )


def _released(own: RegionShare, load: RegionLoad, now: float) -> RegionShare:
    """A region whose rule is over: what is unknown could not bring its clients back by rounds."""
    if load.saturation is not None or not own.spill_ratio:
        return replace(own, said=False)
    return replace(own, said=False, spill_ratio=0.0, moved=now)


def carry_on(
    back: str,
    regions: Mapping[str, RegionShare],
    loads: Mapping[str, RegionLoad],
    start: float = 1.0,
) -> dict[str, RegionShare]:
    """Let those who carried the clients of `back` while it was away keep its share at once.

    Not those that are full or unknown, nor where another region's clients would come as well.
    """
    share = regions[back].spill_ratio
    others = max((h.spill_ratio for region, h in regions.items() if region != back), default=0.0)
    return {
        region: replace(own, accept_ratio=share)
        if region != back
        and _may_accept(own, loads[region], start)
        and others <= own.accept_ratio < share
        else own
        for region, own in regions.items()
    }


def _may_accept(own: RegionShare, load: RegionLoad, below: float) -> bool:
    able = load.serves and load.said is None and not own.spill_ratio
    return able and load.highest is not None and load.highest < below


def _round(
    regions: Mapping[str, RegionShare], loads: Mapping[str, RegionLoad], rule: SpillRule, now: float
) -> dict[str, RegionShare]:
    """One step of every region: first of what is sent on, then of what is taken."""
    headrooms = {r: headroom(own, loads[r], rule) for r, own in regions.items()}
    shed = {r: _shed(r, regions, loads, headrooms, rule, now) for r in regions}
    clients = {r: clients_of(r, regions, loads) for r in regions}
    most = max(shed.values(), default=0.0)
    after = {}
    for region, own in regions.items():
        before, coming = own.accept_ratio, in_flight(own, loads[region], rule)
        arriving = sum(
            clients[r] * max(0.0, min(shed[r], before) - min(other.spill_ratio, before))
            for r, other in regions.items()
        )
        accept_ratio = _accepted(own, loads[region], rule, now)
        if accept_ratio is None:
            demand = sum(clients[r] for r in regions if shed[r] > before)
            fits = max(0.0, headrooms[region] - arriving) / demand if demand else 0.0
            accept_ratio = before + min(rule.step, fits, max(0.0, most - before))
            arriving += demand * (accept_ratio - before)
        accept_ratio = 0.0 if shed[region] else _clamp(min(accept_ratio, most))
        moved = (shed[region], accept_ratio) != (own.spill_ratio, before)
        after[region] = replace(
            own,
            spill_ratio=shed[region],
            accept_ratio=accept_ratio,
            moved=now if moved else own.moved,
            in_flight=arriving + coming if arriving else own.in_flight,
            in_flight_at=now if arriving else own.in_flight_at,
            warming=own.warming and 0 < shed[region] <= own.spill_ratio,
        )
    return after


def _shed(
    region: str,
    regions: Mapping[str, RegionShare],
    loads: Mapping[str, RegionLoad],
    headrooms: Mapping[str, float],
    rule: SpillRule,
    now: float,
) -> float:
    """The share that `region` sends on after this round."""
    own, saturation = regions[region], loads[region].saturation
    if not loads[region].serves or loads[region].said is not None or now < own.moved + rule.dwell:
        return own.spill_ratio
    # What no probe tells, after an edit or an alert's end, would never bring clients back.
    unknown_back = own.warming or not loads[region].measured
    if unknown_back if saturation is None else saturation < rule.end:
        return _clamp(own.spill_ratio - rule.step)
    if own.spill_ratio > rule.max_ratio:  # it was set lower, or an operator's rule has ended
        return max(rule.max_ratio, own.spill_ratio - rule.step)
    others = [r for r, load in loads.items() if r != region and load.serves and load.said is None]
    if not is_full(loads[region], rule) or own.accept_ratio or not others:
        return own.spill_ratio
    step = rule.step
    for other in others:
        if regions[other].accept_ratio > own.spill_ratio:
            demand = _demand(regions[other].accept_ratio, regions, loads, rule)
            step = min(step, headrooms[other] / demand)
    return min(own.spill_ratio + step, rule.max_ratio)


def _accepted(own: RegionShare, load: RegionLoad, rule: SpillRule, now: float) -> float | None:
    """The share that a region accepts after this round; None where it may grow."""
    if not load.serves or load.said is not None or now < own.moved + rule.dwell:
        return own.accept_ratio
    if is_full(load, rule) or (load.saturation is None and not load.measured):
        return _clamp(own.accept_ratio - rule.step)
    return None if _may_accept(own, load, rule.end) else own.accept_ratio


def is_full(load: RegionLoad, rule: SpillRule) -> bool:
    """Whether a region is full, also once it feels what other services have had back."""
    if load.saturation is None:
        return False
    return load.capacity * (load.saturation - rule.start) >= load.leaving


def headroom(own: RegionShare, load: RegionLoad, rule: SpillRule) -> float:
    """The load that fits before a region reaches `end`, less what may be on its way to it."""
    if not load.serves or load.said is not None or load.highest is None:
        return 0.0
    on_its_way = in_flight(own, load, rule) + load.coming
    return max(0.0, load.capacity * (rule.end - load.highest) - on_its_way)


def in_flight(own: RegionShare, load: RegionLoad, rule: SpillRule) -> float:
    """The load given to a region that its readings may not show yet."""
    return own.in_flight if load.at < own.in_flight_at + rule.ttl else 0.0


def clients_of(
    region: str, regions: Mapping[str, RegionShare], loads: Mapping[str, RegionLoad]
) -> float:
    """The load that a region's clients would be if it sent none of them on.

    One that spills is full at least, and what it still bears is the rest of what others took.
    """
    load = loads[region]
    full = min(max(1.0, load.highest or 0.0), _OVERLOAD)
    taken = min(regions[region].spill_ratio, max(own.accept_ratio for own in regions.values()))
    return load.capacity * full / max(1.0 - taken, _REST)


def _demand(
    accept_ratio: float,
    regions: Mapping[str, RegionShare],
    loads: Mapping[str, RegionLoad],
    rule: SpillRule,
) -> float:
    """The load of all clients who may come, as more is sent on, to one of this `accept_ratio`."""
    return sum(
        clients_of(region, regions, loads)
        for region, own in regions.items()
        if own.spill_ratio < accept_ratio
        and loads[region].said is None
        and (loads[region].saturation or 0.0) >= rule.start
    )


def _clamp(share: float) -> float:
    return share if share > _LEAST else 0.0


def _marked(
    regions: Mapping[str, RegionShare], loads: Mapping[str, RegionLoad], rule: SpillRule
) -> dict[str, RegionShare]:
    """Forget what is taken while nobody sends anything on, and mark whom a round may move."""
    active = any(own.spill_ratio for own in regions.values())
    return {
        region: replace(
            own,
            accept_ratio=own.accept_ratio if active else 0.0,
            step_pending=bool(own.spill_ratio)
            or (
                loads[region].serves
                and loads[region].said is None
                and not own.accept_ratio
                and (loads[region].saturation or 0.0) >= rule.start
            ),
        )
        for region, own in regions.items()
    }
