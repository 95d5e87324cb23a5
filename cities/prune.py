"""A tree made smaller: blocks of at most /24 and /48, and fewer of them where that costs little.

A block that its source cuts up further is where its first address is that has a place: the daemon
takes the place of a /24 that a resolver sends from there too, so with the full database it would
answer the same.

Which networks to put together is a question of cost. To give a block its neighbour's place moves
it by so many kilometres; to keep both takes a node of the tree. Bottom up, two halves become one
where the kilometres, by address space, come to no more than `Limits.km_per_node` for each node
saved; so a block alone among others far away stays, and suburbs go to their city. Nothing is put
together across a country or continent: those are as the source has them, block by block.

Equal subtrees are one: a tree of places has the same few cities side by side over and over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from cities.cells import jurisdiction
from cities.source import NOWHERE, Family
from resolverd.geo.distance import great_circle_km
from resolverd.geo.place import Place

# How many places the networks below a node may have for it to become one; more costs time only.
_MAX_PLACES = 24
# Of those, how many of the heaviest may become the place of all.
_CANDIDATES = 4
# Kilometres beyond which a place is as wrong as it can be: it takes another region anyway.
_MAX_KM = 2000.0


class Limits(NamedTuple):
    """How fine the result is: bits of the longest prefix, and the price of a node.

    `weight` is the address space of a prefix by its length, in blocks.
    """

    bits: int
    km_per_node: float
    weight: Callable[[int], float]


class Pruned(NamedTuple):
    """A subtree: what it became, what that cost in kilometres, and its blocks by place.

    `blocks` is None where it cannot become one place.
    """

    node: int
    cost: float
    blocks: dict[int, float] | None


@dataclass
class Tree:
    """What is left, of both families: node `n` has the halves `nodes[n]`.

    A half is a node, `NOWHERE`, or ``-2 - n`` for the place `n` of `places`.
    """

    places: Sequence[Place]
    cell_of: Sequence[int]
    nodes: list[tuple[int, int]] = field(default_factory=list)
    _known: dict[tuple[int, int], int] = field(default_factory=dict)
    _km: dict[tuple[int, int], float] = field(default_factory=dict)

    def add(self, family: Family, limits: Limits) -> int:
        """Take over one family. The root."""
        jurisdictions = [jurisdiction(place) for place in self.places]
        bits, price, weight_of = limits
        weights = [weight_of(length) for length in range(bits + 1)]
        left, right, cut, cell_of = family.left, family.right, family.cut, self.cell_of

        def prune(record: int, length: int) -> Pruned:
            if record < 0 or record == cut:
                if record in (NOWHERE, cut):
                    return Pruned(NOWHERE, 0.0, None)
                return self._whole(cell_of[-2 - record], weights[length])
            if length == bits:
                return self._whole(self._first(family, record), weights[length])
            low, high = prune(left[record], length + 1), prune(right[record], length + 1)
            if low.node == high.node == NOWHERE:
                return low
            split = low.cost + high.cost + price
            if low.blocks is None or high.blocks is None:
                return Pruned(self.node(low.node, high.node), split, None)
            if jurisdictions[next(iter(low.blocks))] != jurisdictions[next(iter(high.blocks))]:
                return Pruned(self.node(low.node, high.node), split, None)
            blocks = low.blocks
            for place, weight in high.blocks.items():
                blocks[place] = blocks.get(place, 0.0) + weight
            if len(blocks) > _MAX_PLACES:
                return Pruned(self.node(low.node, high.node), split, None)
            cost, place = self._best(blocks)
            if cost <= split:
                return Pruned(-2 - place, cost, blocks)
            return Pruned(self.node(low.node, high.node), split, blocks)

        return prune(family.root, 0).node

    def node(self, low: int, high: int) -> int:
        """The one node with these halves."""
        halves = (low, high)
        number = self._known.get(halves)
        if number is None:
            number = self._known[halves] = len(self.nodes)
            self.nodes.append(halves)
        return number

    def _whole(self, place: int, weight: float) -> Pruned:
        if place < 0:
            return Pruned(NOWHERE, 0.0, None)
        return Pruned(-2 - place, 0.0, {place: weight})

    def _best(self, blocks: dict[int, float]) -> tuple[float, int]:
        """The place that moves the blocks least, and by how many kilometres."""
        if len(blocks) == 1:
            return 0.0, next(iter(blocks))
        heaviest = sorted(blocks, key=lambda place: (-blocks[place], place))[:_CANDIDATES]
        return min(
            (sum(w * self._distance(place, other) for other, w in sorted(blocks.items())), place)
            for place in heaviest
        )

    def _distance(self, one: int, other: int) -> float:
        if one == other:
            return 0.0
        km = self._km.get((one, other))
        if km is None:
            here, there = self.places[one].point, self.places[other].point
            km = min(great_circle_km(here, there), _MAX_KM) if here and there else _MAX_KM
            self._km[one, other] = self._km[other, one] = km
        return km

    def _first(self, family: Family, record: int) -> int:
        """The cell of the first address below a node that has a place; -1 where none has."""
        pending = [record]
        while pending:
            at = pending.pop()
            if at >= 0 and at != family.cut:
                pending += [family.right[at], family.left[at]]
            elif at < NOWHERE:
                return self.cell_of[-2 - at]
        return -1


def address_space(
    family: Family, bits: int, weight: Callable[[int], float], places: int
) -> list[float]:
    """The address space of each place, in blocks; what is smaller than a block counts as a part."""
    found = [0.0] * places
    weights = [weight(min(length, bits)) / 2.0 ** max(0, length - bits) for length in range(129)]
    pending = [(family.root, 0)]
    while pending:
        record, length = pending.pop()
        if record in (NOWHERE, family.cut):
            continue
        if record < 0:
            found[-2 - record] += weights[length]
            continue
        pending += [(family.right[record], length + 1), (family.left[record], length + 1)]
    return found
