"""Places put together: one for each cell of a fifth of a degree and each country in it.

A cell is a fifth of a degree of latitude high, 22 km, and as wide as that. Its point is that of the
place in it which has most of its address space, as the source has it: what lies as far from one
region as from another by a few kilometres, as Madrid from Dublin and Frankfurt, then goes where the
source sends it. Country and continent stay as they are: those of a cell are of one of each.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from resolverd.geo.place import Place

# Degrees; a larger one has fewer distinct places, and each client stands farther from its own. With
# seven regions, cells of half a degree alone give up to 0.45 % of clients another region than the
# full database does, those of a fifth 0.05 %; what else is lost is the price of a node
# (`prune.Limits`).
SIZE = 0.2

Jurisdiction = tuple[str | None, str | None]
"""Country and continent, which nothing may change."""


class Cells(NamedTuple):
    """The places that are left, in the order of their names, and the cell of each place."""

    places: Sequence[Place]
    cell_of: Sequence[int]


def cells_of(places: Sequence[Place], weights: Sequence[float]) -> Cells:
    """Put `places` together; `weights` is the address space of each, in blocks."""
    members: defaultdict[tuple[str, str, int, int], list[int]] = defaultdict(list)
    for number, place in enumerate(places):
        members[_name(place)].append(number)
    made: list[Place] = []
    cell_of = [0] * len(places)
    for name in sorted(members):
        for number in members[name]:
            cell_of[number] = len(made)
        made.append(
            _heaviest([places[n] for n in members[name]], [weights[n] for n in members[name]])
        )
    return Cells(made, cell_of)


def jurisdiction(place: Place) -> Jurisdiction:
    """The country and continent of a place."""
    return place.country, place.continent


def _name(place: Place) -> tuple[str, str, int, int]:
    country, continent = place.country or "", place.continent or ""
    if place.latitude is None or place.longitude is None:
        return country, continent, 1000, 1000
    row = math.floor(place.latitude / SIZE)
    width = SIZE / max(math.cos(math.radians((row + 0.5) * SIZE)), 0.1)
    return country, continent, row, math.floor(place.longitude / width)


def _heaviest(places: Sequence[Place], weights: Sequence[float]) -> Place:
    """The place that has most of a cell's address space; of equals, one and the same each time."""
    chosen = max(zip(weights, places, strict=True), key=lambda pair: (pair[0], pair[1].point or ()))
    return chosen[1]
