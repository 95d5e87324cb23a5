"""Which region of a preference list is answered now (docs/meaning.md, "The decision").

The first region that serves, unless it is overloaded and sends this client on (`spill_ratio`).
Where none serves, the first whose state is unknown (neither healthy nor dead); else what
`all_down` says: with "nearest" the first with an endpoint measured up (drained, closed or too few,
but alive), then the first of all. A region without an address is never answered. The answer never
leaves the preference list, which never leaves the fence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from resolverd.policy.outcomes import AllDown, Outcome
from resolverd.policy.ranking import PreferenceList


@dataclass(frozen=True, slots=True)
class RegionStatus:
    """One region as it is now, in plain values; times in seconds.

    `min_until_flip` is the least number of seconds in which its answer could change: by probing,
    or because an operator's override ends (infinite while nothing is amiss). `since_change` is
    how many seconds ago it last changed; None when it never has, and under an override that says
    when it ends, which is all that counts then. `spill_ratio` is the share (0 to 1) of its clients'
    blocks that it sends on while it is overloaded, `accept_ratio` the share up to which it takes
    those that others send on, `steady` the seconds in which neither changes.

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


@dataclass(frozen=True, slots=True)
class Decision:
    """The region answered, if any; how it came about; and the regions that were consulted.

    `per_block` tells that it holds for the client's block alone: another draw could be decided
    otherwise.
    """

    outcome: Outcome
    region: str | None
    consulted: PreferenceList
    per_block: bool = False


NO_DRAW = 1.0
"""Above every draw, so that no region sends such a client on."""


def decide(
    preference: PreferenceList,
    statuses: Mapping[str, RegionStatus],
    all_down: AllDown,
    draw: float = NO_DRAW,
) -> Decision:
    """Choose from `preference`; an empty list is an empty fence.

    `draw` is that of the client's block (`policy/share.py`).
    """
    if not preference:
        return Decision("no_region", None, ())
    for rank, region in enumerate(preference, 1):
        if statuses[region].serves:
            return _shared(preference, rank, statuses, draw)
    for region in preference:
        if statuses[region].unknown and statuses[region].has_addresses:
            return Decision("unknown", region, preference)
    if all_down != "nearest":
        return Decision(all_down, None, preference)
    return _without_serving(preference, statuses)


def _without_serving(preference: PreferenceList, statuses: Mapping[str, RegionStatus]) -> Decision:
    """The first region with an endpoint that is alive; else the first with any address."""
    answerable = [region for region in preference if statuses[region].has_addresses]
    alive = (region for region in answerable if statuses[region].alive)
    region = next(alive, answerable[0] if answerable else None)
    return Decision("no_address" if region is None else "all_down", region, preference)


def _shared(
    preference: PreferenceList, rank: int, statuses: Mapping[str, RegionStatus], draw: float
) -> Decision:
    """The region of that rank, the first that serves; or the one that takes what it sends on.

    Only a region that keeps all its own clients takes another's: nothing is sent on twice. Where
    none takes this one, the first answers after all.
    """
    region = preference[rank - 1]
    spill_ratio = statuses[region].spill_ratio
    per_block = spill_ratio > 0 and rank < len(preference)
    if not per_block or draw >= spill_ratio:
        return Decision("serving", region, preference[:rank], per_block)
    for further, other in enumerate(preference[rank:], rank + 1):
        status = statuses[other]
        if status.serves and status.spill_ratio == 0 and draw < status.accept_ratio:
            return Decision("spilled", other, preference[:further], per_block)
    return Decision("serving", region, preference, per_block)
