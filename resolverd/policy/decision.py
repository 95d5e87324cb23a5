"""Which region of a preference list is answered now (docs/meaning.md, "The decision").

The first region that serves, unless it is overloaded and sends this client on (`spill_ratio`), or
this client is of the few that the second region is given at all times (`trickle`).
Where none serves, the first whose state is unknown (neither healthy nor dead); else what
`all_down` says: with "nearest" the first with an endpoint measured up (drained, closed or too few,
but alive), then the first of all. A region without an address is never answered. The answer never
leaves the preference list, which never leaves the fence.

A decision carries its reasons, one for each region that was consulted: they are what the walk found
on its way, and `explain` prints them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from resolverd.policy.outcomes import AllDown, Outcome
from resolverd.policy.ranking import PreferenceList
from resolverd.policy.share import Positions

Reason = Literal[
    "answered", "kept", "not_accepted", "accepted",
    "answered_unknown", "answered_alive", "answered_down",
    "shed", "sheds_own", "over_accept_ratio",
    "trickles", "trickled", "not_trickled", "spill_off", "held",
    "no_address", "unknown", "down",
]  # fmt: skip
"""Why a region that was consulted is answered, or passed over.

Answered:
    "answered"          it serves, and sends nobody on
    "kept"              it serves, and sends on other blocks than this one
    "not_accepted"      it serves, and sends this block on, but no region takes it
    "accepted"          it serves, and takes the block that another sends on
    "not_trickled"      it serves, and the second, which should be given this block, cannot be
    "trickled"          it is the second, and given this block of the first one's
    "held"              it serves, and this block keeps it until its epoch ends (`policy/sticky.py`)
    "answered_unknown"  no region serves, and nothing is known of this one yet
    "answered_alive"    no region serves, and an endpoint of this one is measured up
    "answered_down"     no region serves, none is alive, and this one has an address
Passed over:
    "shed"              it serves, and sends this block on
    "trickles"          it serves, and the second is given this block
    "sheds_own"         it serves, and takes none since it sends on a share of its own clients
    "over_accept_ratio" it serves, and takes others than this block
    "spill_off"         it serves, and an operator has it take nobody
    "no_address", "unknown", "down"    it does not serve

Regions of the list that were not consulted are less preferred than the one that is answered.
"""


@dataclass(frozen=True, slots=True)
class RegionStatus:
    """One region as it is now, in plain values; times in seconds.

    `min_until_flip` is the least number of seconds in which its answer could change: by probing,
    or because an operator's override ends (infinite while nothing is amiss). `since_change` is
    how many seconds ago it last changed; None when that was longer ago than any TTL that it is
    answered with, or never, and under an override that says when it ends, which is all that counts
    then. `spill_ratio` is the share (0 to 1) of its clients'
    blocks that it sends on while it is overloaded, `accept_ratio` the share up to which it takes
    those that others send on, `steady` the seconds in which neither changes. `positions` stand for
    the draws of its clients' blocks where these are weighed, for which one of `sampled` queries is
    kept (`policy/share.py`). `spill_off` tells that an operator has it out of spilling: it gives
    and is given no trickle either.

    Serving and having something to hand out are two facts. `has_addresses`: whether there is an
    address (or a hostname) to answer; a region without never serves. `alive`: whether it would be
    answered with endpoints that are measured up, though it may not serve. `answer_min_until_flip`
    and `answer_since_change` are as `min_until_flip` and `since_change`, of those endpoints: they
    count where the region is answered, not where it is passed over.
    """

    serves: bool
    unknown: bool = False
    min_until_flip: float = float("inf")
    since_change: float | None = None
    spill_ratio: float = 0.0
    accept_ratio: float = 0.0
    steady: float = float("inf")
    has_addresses: bool = True
    alive: bool = False
    answer_min_until_flip: float = float("inf")
    answer_since_change: float | None = None
    positions: Positions | None = None
    sampled: int = 0
    spill_off: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """The region answered, if any; how it came about; and the regions that were consulted.

    `per_block` tells that it holds for the client's block alone: another draw could be decided
    otherwise. `reasons` are those of `consulted`, in its order. They follow from the rest and the
    statuses, so that they have no part in comparing decisions.
    """

    outcome: Outcome
    region: str | None
    consulted: PreferenceList
    per_block: bool = False
    reasons: tuple[Reason, ...] = field(default=(), compare=False)

    @property
    def without_serving(self) -> bool:
        """Whether what is alive decided, among regions that do not serve."""
        return self.outcome in {"all_down", "no_address"}


NO_DRAW = 1.0
"""Above every draw, so that no region sends such a client on."""


def decide(
    preference: PreferenceList,
    statuses: Mapping[str, RegionStatus],
    all_down: AllDown,
    draw: float = NO_DRAW,
    trickle: float = 0.0,
    position: float | None = None,
) -> Decision:
    """Choose from `preference`; an empty list is an empty fence.

    `draw` is that of the client's block (`policy/share.py`). `trickle` is the share of blocks,
    those with the highest draws, that the second region is given while it and the first serve.
    `position` stands for the draw in what regions send on and take, where the blocks of the region
    that would answer are weighed.
    """
    if position is None:
        position = draw
    if not preference:
        return Decision("no_region", None, ())
    for passed, region in enumerate(preference):
        if statuses[region].serves:
            trickle = 0.0 if passed or statuses[region].spill_off else trickle
            return _shared(preference, passed, statuses, position, trickle, draw)
    for passed, region in enumerate(preference):
        if statuses[region].unknown and statuses[region].has_addresses:
            reasons = _fallback(preference, statuses, passed, "answered_unknown")
            return Decision("unknown", region, preference, reasons=reasons)
    if all_down != "nearest":
        return Decision(all_down, None, preference, reasons=_absences(preference, statuses))
    return _without_serving(preference, statuses)


def _without_serving(preference: PreferenceList, statuses: Mapping[str, RegionStatus]) -> Decision:
    """The first region with an endpoint that is alive; else the first with any address."""
    answerable = [n for n, region in enumerate(preference) if statuses[region].has_addresses]
    if not answerable:
        reasons = _absences(preference, statuses)
        return Decision("no_address", None, preference, reasons=reasons)
    alive = (number for number in answerable if statuses[preference[number]].alive)
    number = next(alive, answerable[0])
    region = preference[number]
    why: Reason = "answered_alive" if statuses[region].alive else "answered_down"
    reasons = _fallback(preference, statuses, number, why)
    return Decision("all_down", region, preference, reasons=reasons)


def _shared(
    preference: PreferenceList,
    passed: int,
    statuses: Mapping[str, RegionStatus],
    position: float,
    trickle: float,
    draw: float,
) -> Decision:
    """The first region that serves, after `passed` others; or the one that takes what it sends on.

    Only a region that keeps all its own clients takes another's: nothing is sent on twice. Where
    none takes this one, the first answers after all.
    """
    region, rank = preference[passed], passed + 1
    before = _absences(preference[:passed], statuses) if passed else ()
    spill_ratio = statuses[region].spill_ratio
    per_block = (spill_ratio > 0 or trickle > 0) and rank < len(preference)
    if not per_block or position >= spill_ratio:
        if per_block and 1 - trickle <= draw < NO_DRAW:
            return _trickled(preference[:2], statuses)
        why: Reason = "kept" if per_block and spill_ratio > 0 else "answered"
        return Decision("serving", region, preference[:rank], per_block, (*before, why))
    later: list[Reason] = []
    for other in preference[rank:]:
        refused = _refusal(statuses[other], position)
        if refused is None:
            consulted = preference[: rank + len(later) + 1]
            reasons = (*before, "shed", *later, "accepted")
            return Decision("spilled", other, consulted, per_block, reasons)
        later.append(refused)
    reasons = (*before, "not_accepted", *later)
    return Decision("serving", region, preference, per_block, reasons)


def _trickled(pair: PreferenceList, statuses: Mapping[str, RegionStatus]) -> Decision:
    """The second region, for a block of the first one's; the first where the second cannot be.

    One that sends its own clients on is full: it is given none of others'. Nor is one that an
    operator has out of spilling.
    """
    first, second = pair
    status = statuses[second]
    if not status.serves:
        refused = _absence(status)
    elif status.spill_ratio:
        refused = "sheds_own"
    elif status.spill_off:
        refused = "spill_off"
    else:
        return Decision("trickled", second, pair, True, ("trickles", "trickled"))
    return Decision("serving", first, pair, True, ("not_trickled", refused))


def _refusal(status: RegionStatus, position: float) -> Reason | None:
    """Why a region does not take a block that another sends on; None where it does."""
    if not status.serves:
        return _absence(status)
    if status.spill_ratio > 0:
        return "sheds_own"
    if position < status.accept_ratio:
        return None
    return "spill_off" if status.spill_off else "over_accept_ratio"


def _fallback(
    preference: PreferenceList, statuses: Mapping[str, RegionStatus], number: int, why: Reason
) -> tuple[Reason, ...]:
    """The reasons where no region serves, and the one at `number` is answered for this one."""
    absences = _absences(preference, statuses)
    return (*absences[:number], why, *absences[number + 1 :])


def _absences(regions: PreferenceList, statuses: Mapping[str, RegionStatus]) -> tuple[Reason, ...]:
    return tuple([_absence(statuses[region]) for region in regions])


def _absence(status: RegionStatus) -> Reason:
    """Why a region does not serve."""
    if not status.has_addresses:
        return "no_address"
    return "unknown" if status.unknown else "down"
