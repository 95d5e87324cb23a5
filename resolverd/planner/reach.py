"""How far users are from regions, by the estimate that steers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from resolverd.geo.distance import great_circle_km
from resolverd.geo.place import Place
from resolverd.planner.assignment import Reach
from resolverd.planner.users import Group
from resolverd.planner.world import STEP
from resolverd.rtt.field import Field
from resolverd.snapshot.clientmap import Ranking


def reach_of(
    groups: Sequence[Group],
    field: Field,
    ranked: Ranking,
    *,
    by_distance: bool,
    progress: Callable[[float], None] = lambda _: None,
) -> list[Reach]:
    """From each group to each region of `field`; `progress` hears the part done, 0 to 1.

    The first of them are the service's, as `ranked` has them: where what was measured decides their
    order, it also says their times. Their biases count as in steering: for the order alone.
    """
    found = []
    biased = bool(ranked.biases) and (by_distance or ranked.latency is not None)
    for number, group in enumerate(groups):
        times = field.expected(group.point, group.country)
        if ranked.latency is not None:
            place = Place(*group.point, group.country, None, "traffic")
            own = len(ranked.regions)
            times[:own] = ranked.latency.times(place)[:own]
        costs = list(times)
        if by_distance:
            costs = [great_circle_km(group.point, region) for region in field.regions]
        for index, region in enumerate(ranked.regions if biased else ()):
            costs[index] = ranked.bias(region).of(costs[index])
        found.append(Reach(costs, times))
        if number % STEP == 0:
            progress(number / len(groups))
    return found
