"""Users put together for people to look at: by country, or where that is unknown by a wide cell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from resolverd.planner.assignment import Served
from resolverd.planner.users import Group

CELL = 10.0
"""Degrees of a cell."""


class Area(NamedTuple):
    """Users of one country or cell: what it is called, their share, their mean ms."""

    name: str
    share: float
    ms: float


def areas(users: Iterable[tuple[Group, Served]]) -> list[Area]:
    """These users by area, the largest first; no mean has an end where one of them has no region.

    An area is called what its largest place is, with the number of the others.
    """
    parts: dict[object, list[tuple[Group, Served]]] = defaultdict(list)
    for group, served in users:
        north, east = group.point
        key = group.country or (round(north / CELL), round(east / CELL))
        parts[key].append((group, served))
    return sorted(map(_area, parts.values()), key=lambda area: (-area.share, area.name))


def _area(users: list[tuple[Group, Served]]) -> Area:
    largest, _ = max(users, key=lambda one: one[0].share)
    share = sum(group.share for group, _ in users)
    name = largest.name
    if len(users) > 1:
        country = f"{largest.country}: " if largest.country else ""
        name = f"{country}{name} and {len(users) - 1} more"
    return Area(name, share, sum(group.share * served.ms for group, served in users) / share)
