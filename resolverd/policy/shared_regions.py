"""What other services have just given a region that several share, or had back of it; pure.

Services that share a region share its servers, and each moves its shares by that load as a whole.
What one has just given is not shown by readings yet, and no room for the next; and while one that
is full waits to feel what one service has had back, the others need not have theirs back too.

    service 1:  f1 ── a step of f1's clients ──►┐
    service 2:  f2 ── a step of f2's clients ──►├─ b
    service 3:  f2 ── a step of f2's clients ──►┘   the same clients, of both: they count once

Of a region's own clients each service reckons as if they were its alone. So where services share
the region that sends them on as well, what each reckons is the same load, and counts once.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from resolverd.policy.spill import clients_of
from resolverd.policy.spill_state import RegionLoad, RegionShare, Spill


class Moved(NamedTuple):
    """Load of the clients of `sender` that `receiver` was given at `at`; below 0 it was had back.

    Answers of before live for `ttl` seconds, so that readings after them alone show all of it.
    """

    sender: str
    receiver: str
    load: float
    at: float
    ttl: float

    def shown(self, loads: Mapping[str, RegionLoad]) -> bool:
        """Whether the readings of its receiver show it; none that is not read ever would."""
        load = loads.get(self.receiver)
        return load is None or load.at == -math.inf or load.at >= self.at + self.ttl


def moved_by(
    before: Spill, after: Spill, loads: Mapping[str, RegionLoad], ttl: float, now: float
) -> list[Moved]:
    """What one service moved, by each two of its regions, as its shares went from one to the other.

    The clients of a region that does not serve are no longer moved by shares: nothing of them is
    known to go back.
    """
    known = {region: before.regions.get(region, RegionShare()) for region in after.regions}
    found = []
    for sender, sends in after.regions.items():
        if not loads[sender].serves:
            continue
        for receiver, takes in after.regions.items():
            part = min(sends.spill_ratio, takes.accept_ratio)
            part -= min(known[sender].spill_ratio, known[receiver].accept_ratio)
            if part and receiver != sender:
                load = part * clients_of(sender, known, loads)
                found.append(Moved(sender, receiver, load, now, ttl))
    return found


def with_others(
    loads: Mapping[str, RegionLoad],
    others: Iterable[Collection[Moved]],
    reckoned: Collection[str],
) -> Mapping[str, RegionLoad]:
    """`loads` as one service sees them, with what each of the `others` moved that is not shown yet.

    The clients of the regions that it has `reckoned` itself, as it sends them on or may, are
    left out.
    """
    coming: dict[tuple[str, str], float] = {}
    leaving: dict[tuple[str, str], float] = {}
    for moved in others:
        own: dict[tuple[str, str], float] = {}
        for one in moved:
            if one.sender not in reckoned and not one.shown(loads):
                way = one.sender, one.receiver
                own[way] = own.get(way, 0.0) + one.load
        for way, load in own.items():
            coming[way] = max(coming.get(way, 0.0), load)
            leaving[way] = max(leaving.get(way, 0.0), -load)
    if not coming:
        return loads
    came, left = _by_receiver(coming), _by_receiver(leaving)
    return {
        region: replace(load, coming=came.get(region, 0.0), leaving=left.get(region, 0.0))
        for region, load in loads.items()
    }


def _by_receiver(loads: Mapping[tuple[str, str], float]) -> dict[str, float]:
    found: dict[str, float] = {}
    for (_, receiver), load in loads.items():
        found[receiver] = found.get(receiver, 0.0) + load
    return found
