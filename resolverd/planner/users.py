"""Users by place: what share of the traffic comes from where, and which regions it may have.

A `Group` is users who are told apart by nothing that matters here: one place, one fence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from resolverd.geo.distance import Coordinates

CELL = 2
"""Places are joined within this part of a degree: a half is 55 km, or half a millisecond."""


class User(NamedTuple):
    """Traffic of one place: its name for people, degrees, ISO country code, and weight (any unit).

    `fence` are the regions that pins leave these users, None where no pin holds.
    """

    name: str
    point: Coordinates
    country: str | None
    weight: float
    fence: frozenset[str] | None


class Group(NamedTuple):
    """Users of one cell and one fence: their share of all traffic, from 0 to 1."""

    name: str
    point: Coordinates
    country: str | None
    fence: frozenset[str] | None
    share: float


def groups_of(users: Iterable[User]) -> list[Group]:
    """Users of like places put together, the largest first; shares add up to 1."""
    weights: dict[tuple[int, int, str | None, frozenset[str] | None], float] = defaultdict(float)
    named: dict[object, User] = {}
    for user in users:
        north, east = user.point
        key = (round(north * CELL), round(east * CELL), user.country, user.fence)
        weights[key] += user.weight
        if key not in named or user.weight > named[key].weight:
            named[key] = user
    whole = sum(weights.values())
    groups = [
        Group(named[key].name, named[key].point, named[key].country, key[3], weight / whole)
        for key, weight in weights.items()
        if weight > 0
    ]
    return sorted(groups, key=lambda group: -group.share)
