"""Which region of a preference list is answered now.

The first region that serves, unless it is overloaded and sends this client on (`spilled`). Where
none serves, the first whose state is unknown (neither healthy nor dead, DESIGN §4); else what
`all_down` says: with "nearest" the first with an endpoint measured up (drained, closed or too few,
but alive), then the first of all. A region without an address is never answered. The answer never
leaves the preference list, which never leaves the fence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from resolverd.policy.ranking import Preference

AllDown = Literal["nearest", "cname", "nodata", "servfail"]
NoRegion = Literal["cname", "nodata", "servfail", "refused"]
Outcome = Literal[
    "serving", "unknown", "all_down", "spilled",
    "cname", "nodata", "servfail", "no_region", "no_address",
]  # fmt: skip
"""The first four have a region. "no_region": the fence is empty. "no_address": no region of it has
an address. The other three are what `all_down` says."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the world says of one region now, in plain values.

    `soonest` is the least number of seconds in which its answer could change: by probing,
    or because an operator's override ends (infinite while nothing is amiss). `changed` is how
    many seconds ago it last changed; None when it never has, and under an override that says
    when it ends, which is all that counts then. `spilled` is the share (0 to 1) of its clients'
    blocks that it sends on while it is overloaded, `takes` the share up to which it takes those
    that others send on, `steady` the seconds in which neither changes.

    Serving and having something to hand out are two facts. `addresses`: whether there is an address
    (or a hostname) to answer; a region without never serves. `alive`: whether it would be answered
    with endpoints that are measured up, though it may not serve. `answer_soonest` and
    `answer_changed` are as `soonest` and `changed`, of those endpoints: they count where the region
    is answered, not where it is passed over.
    """

    serves: bool
    unknown: bool = False
    soonest: float = float("inf")
    changed: float | None = None
    spilled: float = 0.0
    takes: float = 0.0
    steady: float = float("inf")
    addresses: bool = True
    alive: bool = False
    answer_soonest: float = float("inf")
    answer_changed: float | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The region answered, if any; how it came about; and the regions that were consulted.

    `drawn` tells that it holds for the client's block alone: another draw could be decided
    otherwise.
    """

    outcome: Outcome
    region: str | None
    consulted: Preference
    drawn: bool = False


NO_DRAW = 1.0
"""Above every draw, so that no region sends such a client on."""


def decide(
    preference: Preference,
    standings: Mapping[str, Standing],
    all_down: AllDown,
    draw: float = NO_DRAW,
) -> Decision:
    """Choose from `preference`; an empty list is an empty fence.

    `draw` is that of the client's block (`policy/share.py`).
    """
    if not preference:
        return Decision("no_region", None, ())
    for rank, region in enumerate(preference, 1):
        if standings[region].serves:
            return _shared(preference, rank, standings, draw)
    for region in preference:
        if standings[region].unknown and standings[region].addresses:
            return Decision("unknown", region, preference)
    if all_down != "nearest":
        return Decision(all_down, None, preference)
    return _without_serving(preference, standings)


def _without_serving(preference: Preference, standings: Mapping[str, Standing]) -> Decision:
    """The first region with an endpoint that is alive; else the first with any address."""
    answerable = [region for region in preference if standings[region].addresses]
    alive = (region for region in answerable if standings[region].alive)
    region = next(alive, answerable[0] if answerable else None)
    return Decision("no_address" if region is None else "all_down", region, preference)


def _shared(
    preference: Preference, rank: int, standings: Mapping[str, Standing], draw: float
) -> Decision:
    """The region of that rank, the first that serves; or the one that takes what it sends on.

    Only a region that keeps all its own clients takes another's: nothing is sent on twice. Where
    none takes this one, the first answers after all.
    """
    region = preference[rank - 1]
    spilled = standings[region].spilled
    drawn = spilled > 0 and rank < len(preference)
    if not drawn or draw >= spilled:
        return Decision("serving", region, preference[:rank], drawn)
    for further, other in enumerate(preference[rank:], rank + 1):
        standing = standings[other]
        if standing.serves and standing.spilled == 0 and draw < standing.takes:
            return Decision("spilled", other, preference[:further], drawn)
    return Decision("serving", region, preference, drawn)
