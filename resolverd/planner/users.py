"""Users by place: what share of the traffic comes from where, and which regions it may have.

A `Group` is users who are told apart by nothing that matters here: one place, one fence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from resolverd.geo.distance import Coordinates

CELLS = (0.5, 1.0, 2.0, 4.0)
"""Degrees within which places are joined: the first of them that leaves at most `MOST` groups.

Half a degree is 55 km, or half a millisecond; two of them at most two.
"""

MOST = 15_000
"""Groups above which places are joined within more degrees, so that a plan takes seconds."""


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
    users = list(users)
    for degrees in CELLS:
        groups = _joined(users, degrees)
        if len(groups) <= MOST:
            break
    return groups


def _joined(users: Sequence[User], degrees: float) -> list[Group]:
    weights: dict[tuple[int, int, str | None, frozenset[str] | None], float] = defaultdict(float)
    named: dict[object, User] = {}
    for user in users:
        north, east = user.point
        key = (round(north / degrees), round(east / degrees), user.country, user.fence)
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
