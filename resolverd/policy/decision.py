"""Which region of a preference list is answered now.

The first region that serves. Where none does, the first whose state is unknown (neither
healthy nor dead, DESIGN §4); where all are known dead, what `all_down` says. The answer
never leaves the preference list, which never leaves the fence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from resolverd.policy.ranking import Preference

AllDown = Literal["nearest", "servfail", "nodata"]
Outcome = Literal["serving", "unknown", "all_down", "servfail", "nodata", "refused"]


@dataclass(frozen=True, slots=True)
class Standing:
    """What the world says of one region now, in plain values.

    `soonest` is the least number of seconds in which its answer could change: by probing,
    or because an operator's override ends (infinite while nothing is amiss). `changed` is how
    many seconds ago it last changed; None when it never has, and under an override that says
    when it ends, which is all that counts then. `spilled` is the share (0 to 1) of its clients'
    blocks that it sends on while it is overloaded, `takes` the share up to which it takes those
    that others send on.
    """

    serves: bool
    unknown: bool = False
    soonest: float = float("inf")
    changed: float | None = None
    spilled: float = 0.0
    takes: float = 0.0


@dataclass(frozen=True, slots=True)
class Decision:
    """The region answered, if any; how it came about; and the regions that were consulted."""

    outcome: Outcome
    region: str | None
    consulted: Preference


def decide(
    preference: Preference, standings: Mapping[str, Standing], all_down: AllDown
) -> Decision:
    """Choose from `preference`; an empty list is an empty fence and is refused."""
    if not preference:
        return Decision("refused", None, ())
    for rank, region in enumerate(preference, 1):
        if standings[region].serves:
            return Decision("serving", region, preference[:rank])
    for region in preference:
        if standings[region].unknown:
            return Decision("unknown", region, preference)
    if all_down == "nearest":
        return Decision("all_down", preference[0], preference)
    return Decision(all_down, None, preference)
