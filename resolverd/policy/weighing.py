"""Blocks weighed by the queries that come from them, so that a share of blocks is one of the load.

Blocks are unequal: one resolver's may send a quarter of all queries, and thousands of others one
each. `BlockLoad` counts a region's queries by block, from samples, in bounded memory; `placed` puts
the blocks in the order in which they are sent on (`Positions`), so that those below a share carry
that share of the load:

    load     0        0.1              0.2                                          1
             ├─────────┼────────────────┼────────────────────────────────────────────┤
             │ ▂▂▂▂▂ █ │ ▂▂▂▂▂ ▆ ▂▂▂▂▂▂ │ …  ▂ light: in the order of their draws
                                             █ heavy: where they fit into a step

Invariants: what is placed anew moves nobody, for a block stays on its side of every share in use;
so blocks move only when shares do. What is then below a share is, as counted, as much of the load
as the share says, give or take `TOLERANCE` (more where few queries are known) or half of the one
light bin at its end; where no light blocks are left to fill up with, also half of the lightest
heavy one that is left. Pure: no I/O, clock readings in seconds.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from resolverd.policy.share import Positions, bin_of

BINS = 512
"""Ranges of draws in which light blocks are counted together: more make a finer step."""
MAX_HEAVY = 64
"""Blocks that have a position of their own, at most: more cost each Steering 16 octets each."""
HEAVY = 0.005
"""The share of a region's load from which a block has one; it is kept down to half of this."""
TOLERANCE = 0.005
"""How far from a share what is below it may be before blocks are placed anew: more moves others
than before when a share comes and goes, less lets a step miss by more."""
HALF_LIFE = 600.0
"""Seconds after which a query counts half: less follows the load sooner, and knows it less well."""
_COUNTED = 512
"""Blocks counted one by one, at least; a count is too low by a 512th of the load at most."""
_PRIOR = 64.0
"""Samples' worth of load that all draws are taken to share alike before any is known."""


class BlockLoad:
    """The queries of one region's clients by block, each the less the longer it is ago.

    `total` queries are known from `samples`; what is counted of single blocks is never more than
    came of them (Misra and Gries' summary), and the rest of each is among its bin's.
    """

    def __init__(self, now: float) -> None:
        self.total = 0.0
        self.samples = 0.0
        self.bins = [0.0] * BINS
        self.blocks: dict[int, float] = {}
        self._at = now

    def count(self, word: int, queries: int) -> None:
        """Count so many queries of the block with this `draw_word`, of which one was sampled."""
        self.total += queries
        self.samples += 1
        self.bins[bin_of(word, BINS)] += queries
        self.blocks[word] = self.blocks.get(word, 0.0) + queries
        if len(self.blocks) > 2 * _COUNTED:
            least = sorted(self.blocks.values(), reverse=True)[_COUNTED]
            self.blocks = {w: n - least for w, n in self.blocks.items() if n > least}

    def fade(self, now: float) -> None:
        """Let time pass since the last call."""
        kept = 0.5 ** (max(0.0, now - self._at) / HALF_LIFE)
        self._at = now
        self.total *= kept
        self.samples *= kept
        self.bins = [queries * kept for queries in self.bins]
        self.blocks = {word: queries * kept for word, queries in self.blocks.items()}

    @property
    def largest(self) -> float:
        """The largest block's share of the load, from 0 to 1."""
        return max(self.blocks.values(), default=0.0) / self.total if self.total else 0.0

    @property
    def heavy(self) -> int:
        """How many blocks are heavy."""
        return sum(queries >= HEAVY * self.total for queries in self.blocks.values())


class _Item(NamedTuple):
    """A heavy block, or all light ones of a bin; the lower key of equals goes first.

    `low` and `high` bound where it may stand: at `low` or above, below `high`.
    """

    key: int
    heavy: bool
    weight: float
    low: float
    high: float


def placed(
    load: BlockLoad,
    shares: Iterable[float],
    before: Positions | None = None,
    held: Iterable[float] = (),
) -> Positions | None:
    """The order for these `shares`; None while nothing is known of the load.

    It is the one of `before` as long as that is near enough, so that what is given back when a
    share shrinks is what is sent on when it grows again. `held` are the shares that were in use
    with `before` (the draws themselves where that is None), each of which keeps the blocks below.
    """
    if not load.total:
        return before
    ends = sorted({share for share in shares if 0 < share < 1})
    if before is not None and _fits(load, before, ends):
        return before
    edges = sorted({share for share in held if 0 < share < 1})
    if not edges:
        listed = _packed(load, [], before, edges)
        if _fits(load, listed, ends):
            return listed
    return _packed(load, ends, before, edges)


def _fits(load: BlockLoad, positions: Positions, shares: Sequence[float]) -> bool:
    """Whether what is below each share is that share of the load, or near enough.

    Where few samples say otherwise it may be chance: two standard deviations prove little.
    """
    known = {word: load.blocks.get(word, 0.0) / load.total for word in positions.heavy}
    items = [
        (positions.of(item.key) if item.heavy else _bin_position(positions, item.key), item.weight)
        for item in _items(load, known, None, [])
    ]
    return all(
        abs(sum(weight for at, weight in items if at < share) - share)
        <= max(TOLERANCE, 2 * math.sqrt(share * (1 - share) / load.samples))
        for share in shares
    )


def _packed(
    load: BlockLoad, ends: Sequence[float], before: Positions | None, edges: Sequence[float]
) -> Positions:
    """An order in which those below each of `ends` carry as much as can be of that share."""
    heavy = _heavy(load, before, edges)
    items = _items(load, heavy, before, edges)
    positions: dict[tuple[bool, int], float] = {}
    start, carried = 0.0, 0.0
    for end in ends:
        chosen = _filled(items, end, end - carried)
        _lay(chosen, start, end, positions)
        carried += sum(item.weight for item in chosen)
        taken = set(chosen)
        items = [item for item in items if item not in taken]
        start = end
    _lay(items, start, 1.0, positions)
    return Positions(
        tuple(positions[False, number] for number in range(BINS)),
        {word: positions[True, word] for word in heavy},
        heavy,
    )


def _heavy(load: BlockLoad, before: Positions | None, edges: Sequence[float]) -> dict[int, float]:
    """The blocks that are to have a position of their own, with their shares of the load.

    One that without it would be on the other side of a share in use goes before any other.
    """
    known = before.heavy if before is not None else {}
    wanted: dict[int, tuple[bool, float]] = {}
    for word in {*load.blocks, *known}:
        share = load.blocks.get(word, 0.0) / load.total
        held = word in known and _interval(known[word], edges) != _interval(
            _bin_position(before, bin_of(word, BINS)), edges
        )
        if share >= HEAVY or held or (word in known and share >= HEAVY / 2):
            wanted[word] = held, share
    most = sorted(((not held, -share, word) for word, (held, share) in wanted.items()))[:MAX_HEAVY]
    return {word: -share for _, share, word in most}


def _items(
    load: BlockLoad, heavy: Mapping[int, float], before: Positions | None, edges: Sequence[float]
) -> list[_Item]:
    """Everything that is to be placed; weights add up to 1."""
    light = list(load.bins)
    for word, share in heavy.items():
        light[bin_of(word, BINS)] -= share * load.total
    prior = _PRIOR * load.total / load.samples
    whole = load.total + prior
    items = [
        _Item(
            number,
            False,
            (max(0.0, queries) + prior / BINS) / whole,
            *_interval(_bin_position(before, number), edges),
        )
        for number, queries in enumerate(light)
    ]
    for word, share in heavy.items():
        at = _bin_position(None, bin_of(word, BINS)) if before is None else before.of(word)
        items.append(_Item(word, True, share * load.total / whole, *_interval(at, edges)))
    return items


def _filled(items: Sequence[_Item], end: float, wanted: float) -> list[_Item]:
    """Those of `items` that come before `end`: all that must, and of the others `wanted` in all.

    Of what is left to be chosen light and heavy blocks are taken in the proportion in which there
    are any, so that light ones are there to fill up with as long as there are heavy ones. Where
    there are not, the one heavy block more is taken that comes nearest to what is wanted, if any.
    """
    must = [item for item in items if item.high <= end]
    free = [item for item in items if item.low < end < item.high]
    room = wanted - sum(item.weight for item in must)
    light = [item for item in free if not item.heavy]
    heavy = sorted((item for item in free if item.heavy), key=lambda item: (-item.weight, item.key))
    of_light = sum(item.weight for item in light)
    of_heavy = sum(item.weight for item in heavy if item.weight <= room)
    if room <= 0 or not of_light + of_heavy:
        return must
    quota = max(room * of_heavy / (of_light + of_heavy), room - of_light)
    chosen, left, filled = [], [], 0.0
    for item in heavy:
        if filled + item.weight <= quota:
            chosen.append(item)
            filled += item.weight
        else:
            left.append(item)
    room -= filled
    best = min(
        left, key=lambda item: (_missed(room - item.weight, of_light), item.key), default=None
    )
    if best is not None and _missed(room - best.weight, of_light) < _missed(room, of_light):
        chosen.append(best)
        room -= best.weight
    return [*must, *chosen, *_up_to(light, room)]


def _missed(room: float, light: float) -> float:
    """How far from `room` one stays with so much to fill it up with."""
    return max(-room, room - light, 0.0)


def _up_to(light: Sequence[_Item], room: float) -> Sequence[_Item]:
    """The first of these that come nearest to `room`."""
    filled = 0.0
    for number, item in enumerate(light):
        if filled + item.weight / 2 > room:
            return light[:number]
        filled += item.weight
    return light


def _lay(
    items: Sequence[_Item], start: float, end: float, positions: dict[tuple[bool, int], float]
) -> None:
    """Give `items` their positions from `start` to below `end`: light ones first, heaviest last.

    Heavy ones of about one weight are in the order of their draws, which counts do not change.
    """
    ordered = sorted(
        items,
        key=lambda item: (math.frexp(item.weight)[1] if item.heavy else -math.inf, item.key),
    )
    whole = sum(item.weight for item in ordered) or 1.0
    before = 0.0
    for item in ordered:
        middle = start + (end - start) * ((before + item.weight / 2) / whole)
        least, most = max(start, item.low), math.nextafter(min(end, item.high), 0.0)
        positions[item.heavy, item.key] = min(max(middle, least), most)
        before += item.weight


def _interval(position: float, edges: Sequence[float]) -> tuple[float, float]:
    """The two neighbouring shares in use between which a position stands."""
    at = bisect_right(edges, position)
    return edges[at - 1] if at else 0.0, edges[at] if at < len(edges) else 1.0


def _bin_position(before: Positions | None, number: int) -> float:
    """Where a bin's light blocks stood; by their draws where they had no other position."""
    if before is None:
        return (number + 0.5) / BINS
    return before.bins[number * len(before.bins) // BINS]
