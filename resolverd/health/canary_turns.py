"""Which edge of a fleet asks an idle endpoint next, so that all of them cost what one does; pure.

    a few edges, by rendezvous hashing of the target over those that are live
        │  one asks when the last canary is nearly an interval old, the next of them then, …
        ▼
    its canary was answered ──► its message tells the others, who need none of their own

What another edge was told counts for an interval and a little more. Once any edge has begun to
doubt the target each asks by itself, and rests on others again when it has been answered; so it
does once the edge whose turn it is has let it pass. Whose turn it is asks whatever others say, so
one that lies hides a death for one interval. Alone, an edge has every turn.

All times are readings of this host's monotonic clock.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

# Edges that take turns at one target.
FEW = 3
# Shares of an interval after which the next turn begins, and for which a canary proves life: what
# lies between is for the probe to be begun, the canary to be answered, and the others to be told.
_EARLY, _LASTS = 0.9, 1.25
# By so much longer for each edge before one in the order, up to five: where a canary takes long,
# not all of them lose patience at once.
_PATIENCE, _MOST = 0.15, 5
# Edges alone check each minute what no page shows; of many, each so much more seldom.
_SELDOM = 1.25


class Proof(NamedTuple):
    """A canary was answered whole at the moment `at`; `edge` asked."""

    edge: str
    at: float


class CanaryTurn:
    """The turns at one target, as this `edge` knows them.

    `asked` is when its own last canary was answered whole, None before the first. `resting` tells
    that somebody's canary alone showed that the target lives, so that another is due in time.
    `answered` is called with each such answer. `spared` counts the probes that rested on one,
    `told_of` the canaries of other edges.
    """

    def __init__(self, target: str, edge: str, answered: Callable[[], None] = lambda: None) -> None:
        self._told = answered
        self._target, self._edge = target, edge
        self._live: frozenset[str] = frozenset((edge,))
        self._few: tuple[str, ...] = (edge,)
        self._proofs: dict[str, Proof] = {}
        self._asker = ""
        self._since = self._doubted = self._looked = self._called = -math.inf
        self._interval, self._lasts = math.inf, _LASTS
        self.asked: float | None = None
        self.resting = False
        self.spared = self.told_of = 0

    def meet(self, live: Collection[str]) -> bool:
        """Know that these other edges are live; whether one on whose canaries it rested is gone."""
        if len(live) + 1 == len(self._live) and self._live.issuperset(live):
            return False
        gone = self._proofs.keys() - live - {self._edge}
        rested = self.resting and bool(gone)
        for edge in gone:
            del self._proofs[edge]
        self._live = frozenset((self._edge, *live))
        order = in_order(self._target, self._live)
        self._few = order[:FEW]
        self._lasts = _LASTS + _PATIENCE * min(_MOST, order.index(self._edge))
        return rested

    def answered(self, at: float) -> None:
        """A canary of this edge's own was answered whole."""
        self.asked, self.resting = at, True
        self._note(Proof(self._edge, at))
        self._told()

    def heard(self, edge: str, at: float) -> None:
        """One of another edge's was."""
        if edge in self._live:
            self._note(Proof(edge, at))

    def doubt(self, at: float) -> None:
        """Some edge has begun to doubt the target: this one has to ask by itself, once."""
        self._doubted = max(self._doubted, at)

    def looked(self, at: float, *, page: bool, interval: float) -> None:
        """A probe that began `at` needed no canary: its `page` showed progress, or it rested.

        Where nobody's canary explains that progress the endpoint is not idle, and no turn is due.
        """
        self.spared += not page
        newest = self._newest()
        idle = not page or (newest is not None and newest.at >= self._looked)
        if page and not idle:
            self._since = at
        self._looked, self._interval, self.resting = at, interval, idle

    def rests_on(self, now: float, interval: float) -> Proof | None:
        """The canary on which a probe, one in each `interval`, may rest in place of its own."""
        newest = self._newest()
        if len(self._live) == 1 or newest is None or self._ours(now, interval):
            return None
        if (
            self.asked is None
            or self.asked <= self._doubted
            or now - newest.at > self._lasts * interval
        ):
            return None
        return newest

    def due(self, now: float) -> bool:
        """Whether this idle target is to be probed now: it is this edge's turn, or none was taken.

        Said again while it is so, but seldom, as a probe takes its time.
        """
        newest, interval = self._newest(), self._interval
        if not self.resting or len(self._live) == 1 or now - self._called < interval / 4:
            return False
        if newest is None or now - newest.at > self._lasts * interval or self._ours(now, interval):
            self._called = now
            return True
        return False

    @property
    def untold(self) -> int:
        """How many canaries of others may have been answered that this edge was not told of yet."""
        return min(FEW, len(self._live) - 1)

    def checks_every(self, seconds: float) -> float:
        """How often each edge checks what one alone checks so often."""
        return seconds if len(self._live) == 1 else seconds * _SELDOM * len(self._live)

    def _ours(self, now: float, interval: float) -> bool:
        """Whether it is this edge's turn, and time for it."""
        if self._edge not in self._few:
            return False
        after = self._few.index(self._asker) + 1 if self._asker in self._few else 0
        return self._few[after % len(self._few)] == self._edge and (
            now - self._since >= _EARLY * interval
        )

    def _newest(self) -> Proof | None:
        return max(self._proofs.values(), key=lambda proof: proof.at, default=None)

    def _note(self, proof: Proof) -> None:
        known, newest = self._proofs.get(proof.edge), self._newest()
        if known is not None and proof.at <= known.at:
            return
        self._proofs[proof.edge] = proof
        self.told_of += proof.edge != self._edge
        if (newest is None or proof.at > newest.at) and proof.edge != self._asker:
            self._asker, self._since = proof.edge, proof.at


class CanaryTurns:
    """The turns at every target that a probe with canaries asks, as this `edge` knows them.

    `answered` is set with each answer to a canary of its own: the others are to be told of it.
    """

    def __init__(self, edge: str) -> None:
        self._edge = edge
        self._turns: dict[str, CanaryTurn] = {}
        self._live: tuple[str, ...] = ()
        self.answered = False

    def of(self, target: str) -> CanaryTurn:
        """The turns at one target."""
        if target not in self._turns:
            self._turns[target] = turn = CanaryTurn(target, self._edge, self._note)
            turn.meet(self._live)
        return self._turns[target]

    def _note(self) -> None:
        self.answered = True

    def known(self) -> Mapping[str, CanaryTurn]:
        """Those that a probe has asked for."""
        return self._turns

    def keep(self, targets: Collection[str]) -> None:
        """Forget all others."""
        for target in self._turns.keys() - targets:
            del self._turns[target]

    def meet(self, live: Collection[str]) -> list[str]:
        """Know which others are live; the targets that rested on one that is so no more."""
        self._live = tuple(live)
        return [target for target, turn in self._turns.items() if turn.meet(live)]

    def due(self, now: float) -> list[str]:
        """The idle targets that are to be probed now."""
        return [target for target, turn in self._turns.items() if turn.due(now)]


def in_order(target: str, edges: Iterable[str]) -> tuple[str, ...]:
    """The edges as rendezvous hashing orders them for this target, alike at every edge.

    One that comes or goes changes nothing in the order of the others (Thaler and Ravishankar,
    "Using name-based mappings to increase hit rates", 1998).
    """
    return tuple(sorted(edges, key=lambda edge: _score(target, edge), reverse=True))


def _score(target: str, edge: str) -> bytes:
    return hashlib.blake2b(f"{target}\0{edge}".encode(), digest_size=8).digest()
