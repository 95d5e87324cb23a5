"""How much of a service's clients each region sends on, and how much each may be given.

A round comes at most once per `dwell`, and moves every share of the service by one step or not:

    saturation   a region that may spill              a region that may be given load
    ───────────  ───────────────────────────────────  ───────────────────────────────────────
    ≥ start      gives back what it takes, by a step;  takes a step less
                 once that is nothing, sends on more
    between      holds                                 holds
    < end        sends on a step less                  takes more: a step, or what fits
    unknown      holds                                 holds

What fits is the receiver's headroom, capacity × (end - saturation), against the load that the
regions which spill would hand over with a greater share. Load that was given since the
receiver's last reading is reckoned as if it had arrived, so that the same room is not given
away twice. So no receiver is brought to `start` by what it is given, and nothing cascades,
as long as no region's clients are more than twice what it can bear; where they are more, a
receiver stops one step later.

Receivers have one threshold for all (`policy/share.py`), so a region whose share lies below it
would, by sending on more, hand over load that nobody asked the receiver about: its step, too,
is bounded by that receiver's headroom.

A region that does not serve has no shares, at once. One that comes back with new processes
starts slowly: it sends on a share from its first answer, which shrinks by steps.

Pure: values and a clock reading in, values out. All shares lie between 0 and 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from resolverd.policy.share import Share

# Shares closer to nothing than this are nothing: steps are not exact in binary.
_LEAST = 1e-9
# The part of its clients that a region keeps is taken to be this at least: its load is no measure
# of those it sent on once it sent on all.
_REST = 0.01
# A queue is a stock and not a rate: its length tells that more comes than a region can bear, not
# how much more. It is reckoned to be no more than so many times what the region can bear.
_OVERLOAD = 2.0


@dataclass(frozen=True, slots=True)
class SpillRule:
    """A service's rules: thresholds of saturation, shares, and seconds.

    `ttl` is the longest that an answer given before a round may live after it. Raises ValueError
    where the rules would contradict themselves.
    """

    start: float = 1.0
    end: float = 0.7
    step: float = 0.1
    most: float = 0.5
    dwell: float = 60.0
    ttl: float = 60.0
    slow_start: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.end < self.start:
            raise ValueError("end must lie between 0 and start")
        if not (0 < self.step <= 1 and 0 < self.most <= 1):
            raise ValueError("step and most must lie between 0 and 1")
        if not 0 < self.dwell >= self.ttl:
            raise ValueError("dwell is shorter than ttl: a step would be judged before it is felt")

    @property
    def slow_share(self) -> float:
        """What a restarted region sends on at first: so many steps as `slow_start` has dwells."""
        return min(self.most, self.step * math.ceil(self.slow_start / self.dwell))


@dataclass(frozen=True, slots=True)
class Load:
    """One region as it stands: whether it serves, and how loaded it is.

    `capacity` is in any unit that all regions share. `saturation` is smoothed and `latest` is
    not; both are None where unknown, and 1 is full. `at` is when the oldest of the readings they
    are made of was taken. `started` is when the region's newest process started, None if unknown.
    """

    serves: bool
    capacity: float = 1.0
    saturation: float | None = None
    latest: float | None = None
    at: float = -math.inf
    started: float | None = None

    @property
    def highest(self) -> float | None:
        """The less favourable of the smoothed and the latest saturation."""
        if self.saturation is None:
            return None
        return self.saturation if self.latest is None else max(self.saturation, self.latest)


@dataclass(frozen=True, slots=True)
class Hold:
    """One region's shares, and what has to be remembered to move them.

    `moved` is when they last changed; `given` is the load handed over in the round at `given_at`.
    `near` tells that the next round may move this region's own clients. `away` tells that it did
    not serve when last seen, `started` is the newest process that it was ever seen with.
    """

    spilled: float = 0.0
    takes: float = 0.0
    moved: float = -math.inf
    given: float = 0.0
    given_at: float = -math.inf
    near: bool = False
    warming: bool = False
    away: bool = False
    started: float | None = None


@dataclass(frozen=True, slots=True)
class Spill:
    """One service's shares by region; the next round is not before `due`."""

    holds: Mapping[str, Hold] = field(default_factory=dict)
    due: float = -math.inf

    @property
    def active(self) -> bool:
        """Whether any region sends clients on."""
        return any(hold.spilled for hold in self.holds.values())

    def shares(self, now: float) -> dict[str, Share]:
        """What the engines answer from; only regions that have a share, or soon may, are in it."""
        left = max(0.0, self.due - now)
        return {
            region: Share(hold.spilled, hold.takes, left if hold.near else math.inf)
            for region, hold in self.holds.items()
            if hold.spilled or hold.takes or hold.near
        }


def advance(spill: Spill, loads: Mapping[str, Load], rule: SpillRule, now: float) -> Spill:
    """The shares after what is known at `now`; call it on news, and when `due` has come."""
    before = {region: spill.holds.get(region, Hold()) for region in loads}
    holds = {region: _seen(hold, loads[region], rule, now) for region, hold in before.items()}
    for region, hold in holds.items():
        if hold.warming and not before[region].warming:
            holds = _carry_on(region, holds, loads, rule)
    due = spill.due
    if now >= due:
        stepped = _round(holds, loads, rule, now)
        marked = _marked(stepped, loads, rule)
        if _shares(stepped) != _shares(holds) or any(hold.near for hold in marked.values()):
            due = now + rule.dwell
        return Spill(marked, due)
    return Spill(_marked(holds, loads, rule), due)


def _shares(holds: Mapping[str, Hold]) -> dict[str, tuple[float, float]]:
    return {region: (hold.spilled, hold.takes) for region, hold in holds.items()}


def _seen(hold: Hold, load: Load, rule: SpillRule, now: float) -> Hold:
    """What a region's going and coming back do to it at once."""
    if not load.serves:
        moved = now if hold.spilled or hold.takes else hold.moved
        return Hold(moved=moved, away=True, started=hold.started)
    known = [started for started in (hold.started, load.started) if started is not None]
    started = max(known, default=None)
    restarted = hold.started is not None and started != hold.started
    if hold.away and restarted and rule.slow_share > 0:
        return Hold(spilled=rule.slow_share, moved=now, warming=True, started=started)
    return replace(hold, away=False, started=started)


def _carry_on(
    back: str, holds: Mapping[str, Hold], loads: Mapping[str, Load], rule: SpillRule
) -> dict[str, Hold]:
    """Let those who carried the clients of `back` while it was away keep its share at once.

    Not those that are full or unknown, nor where another region's clients would come as well.
    """
    share = holds[back].spilled
    others = max((h.spilled for region, h in holds.items() if region != back), default=0.0)
    return {
        region: replace(hold, takes=share)
        if region != back
        and _may_take(hold, loads[region], rule.start)
        and others <= hold.takes < share
        else hold
        for region, hold in holds.items()
    }


def _may_take(hold: Hold, load: Load, below: float) -> bool:
    return load.serves and not hold.spilled and load.highest is not None and load.highest < below


def _round(
    holds: Mapping[str, Hold], loads: Mapping[str, Load], rule: SpillRule, now: float
) -> dict[str, Hold]:
    """One step of every region: first of what is sent on, then of what is taken."""
    rooms = {r: _headroom(hold, loads[r], rule) for r, hold in holds.items()}
    sent = {r: _sent(r, holds, loads, rooms, rule, now) for r in holds}
    clients = {r: _clients(r, holds, loads) for r in holds}
    most = max(sent.values(), default=0.0)
    after = {}
    for region, hold in holds.items():
        came = sum(
            clients[r] * max(0.0, min(sent[r], hold.takes) - min(holds[r].spilled, hold.takes))
            for r in holds
        )
        takes = _taken(hold, loads[region], rule, now)
        if takes is None:
            crowd = sum(clients[r] for r in holds if sent[r] > hold.takes)
            fits = max(0.0, rooms[region] - came) / crowd if crowd else 0.0
            takes = hold.takes + min(rule.step, fits, max(0.0, most - hold.takes))
            came += crowd * (takes - hold.takes)
        takes = 0.0 if sent[region] else _cut(min(takes, most))
        moved = (sent[region], takes) != (hold.spilled, hold.takes)
        after[region] = replace(
            hold,
            spilled=sent[region],
            takes=takes,
            moved=now if moved else hold.moved,
            given=came + _coming(hold, loads[region], rule) if came else hold.given,
            given_at=now if came else hold.given_at,
            warming=hold.warming and 0 < sent[region] <= hold.spilled,
        )
    return after


def _sent(
    region: str,
    holds: Mapping[str, Hold],
    loads: Mapping[str, Load],
    rooms: Mapping[str, float],
    rule: SpillRule,
    now: float,
) -> float:
    """The share that `region` sends on after this round."""
    hold, saturation = holds[region], loads[region].saturation
    if not loads[region].serves or now < hold.moved + rule.dwell:
        return hold.spilled
    if saturation is None:
        return _cut(hold.spilled - rule.step) if hold.warming else hold.spilled
    if saturation < rule.end:
        return _cut(hold.spilled - rule.step)
    others = [r for r, load in loads.items() if r != region and load.serves]
    if saturation < rule.start or hold.takes or not others:
        return hold.spilled
    step = rule.step
    for other in others:
        if holds[other].takes > hold.spilled:
            step = min(step, rooms[other] / _crowd(holds[other].takes, holds, loads, rule))
    return max(hold.spilled, min(hold.spilled + step, rule.most))


def _taken(hold: Hold, load: Load, rule: SpillRule, now: float) -> float | None:
    """The share that a region takes after this round; None where it may grow."""
    if not load.serves or now < hold.moved + rule.dwell:
        return hold.takes
    if load.saturation is not None and load.saturation >= rule.start:
        return max(0.0, hold.takes - rule.step)
    return None if _may_take(hold, load, rule.end) else hold.takes


def _headroom(hold: Hold, load: Load, rule: SpillRule) -> float:
    """The load that fits before a region reaches `end`, less what may be on its way to it."""
    if not load.serves or load.highest is None:
        return 0.0
    return max(0.0, load.capacity * (rule.end - load.highest) - _coming(hold, load, rule))


def _coming(hold: Hold, load: Load, rule: SpillRule) -> float:
    """The load given to a region that its readings may not show yet."""
    return hold.given if load.at < hold.given_at + rule.ttl else 0.0


def _clients(region: str, holds: Mapping[str, Hold], loads: Mapping[str, Load]) -> float:
    """The load that a region's clients would be if it sent none of them on.

    One that spills is full at least, and what it still bears is the rest of what others took.
    """
    load = loads[region]
    full = min(max(1.0, load.highest or 0.0), _OVERLOAD)
    taken = min(holds[region].spilled, max(hold.takes for hold in holds.values()))
    return load.capacity * full / max(1.0 - taken, _REST)


def _crowd(
    takes: float, holds: Mapping[str, Hold], loads: Mapping[str, Load], rule: SpillRule
) -> float:
    """The load of the clients of all who, by sending on more, may give it to a taker of `takes`."""
    return sum(
        _clients(region, holds, loads)
        for region, hold in holds.items()
        if hold.spilled < takes and (loads[region].saturation or 0.0) >= rule.start
    )


def _cut(share: float) -> float:
    return share if share > _LEAST else 0.0


def _marked(
    holds: Mapping[str, Hold], loads: Mapping[str, Load], rule: SpillRule
) -> dict[str, Hold]:
    """Forget what is taken while nobody sends anything on, and mark whom a round may move."""
    active = any(hold.spilled for hold in holds.values())
    return {
        region: replace(
            hold,
            takes=hold.takes if active else 0.0,
            near=bool(hold.spilled)
            or (
                loads[region].serves
                and not hold.takes
                and (loads[region].saturation or 0.0) >= rule.start
            ),
        )
        for region, hold in holds.items()
    }
