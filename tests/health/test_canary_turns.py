"""Whose turn it is to ask an idle endpoint: whole fleets on a clock of the test's own."""

from __future__ import annotations

import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest
from harness.trials import LONG, trials
from hypothesis import given
from hypothesis import strategies as st

from resolverd.health.canary_turns import FEW, CanaryTurn, CanaryTurns, in_order

INTERVAL, FAST, LOOK = 5.0, 1.0, 0.25
TARGET = "gpu1"


class Edge:
    """An edge as the probes of kind openai make it: a canary at each probe that rests on none."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.turn = CanaryTurn(TARGET, name)
        self.probed = -1e9
        self.noticed: float | None = None
        self.blind = False
        self.lies = False


class FleetOfEdges:
    """Edges that probe one endpoint, which dies at `dies`; a canary `takes` so long."""

    def __init__(self, names: list[str], seed: int, dies: float = 1e9, takes: float = 0.2) -> None:
        self.rng, self.dies, self.takes = random.Random(seed), dies, takes
        self.edges = {name: Edge(name) for name in names}
        self.live = set(names)
        self.canaries: list[tuple[float, str]] = []
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = itertools.count()
        for edge in self.edges.values():
            self.at(self.rng.random() * INTERVAL, partial(self.ordinary, edge))
            self.at(self.rng.random() * LOOK, partial(self.look, edge))
        self.meet()

    def at(self, when: float, what: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (when, next(self._order), what))

    def run(self, until: float) -> None:
        while self._events and self._events[0][0] <= until:
            when, _, what = heapq.heappop(self._events)
            what(when)

    def meet(self) -> None:
        """All know of those that are live; who rested on one that is gone probes at once."""
        for edge in self.edges.values():
            if edge.turn.meet(self.live - {edge.name}):
                self.probe(edge, self._events[0][0])

    def ordinary(self, edge: Edge, now: float) -> None:
        """The schedule: an interval after the last probe, however that came about."""
        due = edge.probed + INTERVAL * (0.9 + 0.1 * self.rng.random())
        if now >= due:
            self.probe(edge, now)
            due = now + INTERVAL * (0.9 + 0.1 * self.rng.random())
        self.at(due, lambda later: self.ordinary(edge, later))

    def look(self, edge: Edge, now: float) -> None:
        if edge.turn.due(now) and now - edge.probed >= FAST:
            self.probe(edge, now)
        self.at(now + LOOK, lambda later: self.look(edge, later))

    def probe(self, edge: Edge, now: float) -> None:
        edge.probed = now
        if edge.lies:
            self.at(now + 0.2, lambda later: self.answered(edge, later))
        elif edge.turn.rests_on(now, INTERVAL) is not None:
            edge.turn.looked(now, page=False, interval=INTERVAL)
        else:
            self.canaries.append((now, edge.name))
            self.at(now + self.takes, lambda later: self.ended(edge, later))

    def ended(self, edge: Edge, now: float) -> None:
        if now < self.dies and not edge.blind:
            self.answered(edge, now)
            return
        if edge.noticed is None:
            edge.noticed = now
            self.tell(edge, now, lambda other, at: self.doubts(other, at))

    def answered(self, edge: Edge, now: float) -> None:
        edge.turn.answered(now)
        self.tell(edge, now, lambda other, _: other.turn.heard(edge.name, now))

    def doubts(self, edge: Edge, now: float) -> None:
        edge.turn.doubt(now)
        if edge.noticed is None:
            self.at(max(now, edge.probed + FAST), partial(self.probe, edge))

    def tell(self, edge: Edge, now: float, what: Callable[[Edge, float], None]) -> None:
        for other in self.edges.values():
            if other is not edge and {edge.name, other.name} <= self.live:
                self.at(now + 0.03, partial(what, other))


def names(count: int) -> list[str]:
    return [f"edge{number}" for number in range(count)]


def cost(count: int, seed: int, seconds: float = 3600.0, takes: float = 0.2) -> int:
    fleet = FleetOfEdges(names(count), seed, takes=takes)
    fleet.run(100.0)
    before = len(fleet.canaries)
    fleet.run(100.0 + seconds)
    return len(fleet.canaries) - before


@pytest.mark.parametrize("count", [2, 3, 5, trials(20, 60)])
def test_many_edges_cost_hardly_more_than_one(count: int) -> None:
    alone = cost(1, seed=1)
    assert 720 <= alone <= 800  # one in each 0.9 to 1.0 intervals
    assert max(cost(count, seed) for seed in range(4)) <= 1.1 * alone


@pytest.mark.parametrize("count", [5, *([20] if LONG else [])])
def test_canaries_that_take_long_make_few_others_lose_patience(count: int) -> None:
    alone = cost(1, seed=1, takes=1.0)
    assert max(cost(count, seed, takes=1.0) for seed in range(4)) <= 1.2 * alone


def test_a_few_edges_ask_in_turn_each_as_often_as_the_others() -> None:
    fleet = FleetOfEdges(names(20), seed=3)
    fleet.run(3600.0)
    asked = Counter(name for _, name in fleet.canaries[20:])
    few = set(in_order(TARGET, fleet.edges)[:FEW])
    shares = {name: asked[name] / asked.total() for name in few}
    assert all(share > 0.25 for share in shares.values()), shares


@pytest.mark.parametrize("seed", range(8))
def test_a_death_is_seen_by_all_as_soon_as_by_one_alone(seed: int) -> None:
    fleet = FleetOfEdges(names(5), seed, dies=200.0 + seed)
    fleet.run(260.0)
    noticed = [edge.noticed - fleet.dies for edge in fleet.edges.values() if edge.noticed]
    assert len(noticed) == 5
    assert min(noticed) <= INTERVAL + 0.2  # what one alone takes at most
    assert max(noticed) <= INTERVAL + 0.2 + FAST + LOOK + 1.0


@pytest.mark.parametrize("seed", range(8))
def test_one_that_the_others_leave_alone_knows_by_itself(seed: int) -> None:
    """All others and the endpoint go at one moment; the others are missed 5 s later."""
    fleet = FleetOfEdges(names(5), seed, dies=200.0 + seed / 3)
    fleet.run(fleet.dies)
    fleet.live = {"edge0"}  # nobody hears anybody any more, and knows of it when `valid` is over
    fleet.at(fleet.dies + 5.0, lambda _: fleet.meet())
    fleet.run(260.0)
    noticed = fleet.edges["edge0"].noticed
    assert noticed is not None
    assert noticed - fleet.dies <= 1.25 * INTERVAL + LOOK + 0.2 + FAST


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("liar", range(5))
def test_one_that_lies_about_its_canaries_hides_a_death_for_an_interval(
    liar: int, seed: int
) -> None:
    fleet = FleetOfEdges(names(5), seed, dies=200.0 + seed)
    fleet.edges[f"edge{liar}"].lies = True
    fleet.run(260.0)
    noticed = [e.noticed for e in fleet.edges.values() if not e.lies and e.noticed is not None]
    assert len(noticed) == 4
    assert max(noticed) - fleet.dies <= 2 * INTERVAL + 3.0


def test_edges_whose_own_path_is_at_fault_make_the_others_ask_no_more_often() -> None:
    fleet = FleetOfEdges(names(5), seed=5)
    fleet.run(100.0)
    for name in ("edge1", "edge3"):
        fleet.edges[name].blind = True
    fleet.run(200.0)
    sighted = [at for at, name in fleet.canaries if at > 150.0 and not fleet.edges[name].blind]
    assert len(sighted) <= 1.5 * 50 / INTERVAL + 2


def test_alone_every_probe_asks() -> None:
    turn = CanaryTurn(TARGET, "me")
    turn.answered(100.0)
    assert turn.rests_on(100.1, INTERVAL) is None
    assert turn.checks_every(60.0) == 60.0


def test_after_a_doubt_each_asks_by_itself_once_whatever_others_say() -> None:
    turn = CanaryTurn(TARGET, "me")
    turn.meet(["a", "b", "c"])
    turn.answered(99.0)
    turn.heard("a", 100.0)
    assert turn.rests_on(101.0, INTERVAL) is not None
    turn.doubt(101.5)
    turn.heard("b", 102.0)
    assert turn.rests_on(102.5, INTERVAL) is None
    turn.answered(103.0)
    assert turn.rests_on(103.5, INTERVAL) is not None


def test_edges_that_are_not_live_prove_nothing() -> None:
    turns = CanaryTurns("me")
    turns.meet(["a"])
    turn = turns.of(TARGET)
    turn.answered(90.0)
    turn.heard("stranger", 100.0)
    assert turn.rests_on(100.0, INTERVAL) is None
    turn.heard("a", 100.0)
    turn.looked(100.5, page=False, interval=INTERVAL)
    assert turns.meet([]) == [TARGET]
    assert turn.rests_on(101.0, INTERVAL) is None


def test_progress_that_no_canary_explains_is_traffic_and_nobodys_turn() -> None:
    turn = CanaryTurn(TARGET, "me")
    turn.meet(["a"])
    turn.heard("a", 100.0)
    turn.looked(101.0, page=True, interval=INTERVAL)
    assert turn.resting
    turn.looked(106.0, page=True, interval=INTERVAL)
    assert [turn.resting, turn.due(200.0)] == [False, False]


@given(st.sets(st.text("abcdef", min_size=1), min_size=1, max_size=12), st.text(max_size=5))
def test_who_comes_or_goes_changes_nothing_among_the_others(edges: set[str], target: str) -> None:
    order = in_order(target, edges)
    assert set(order) == edges
    for gone in edges:
        assert in_order(target, edges - {gone}) == tuple(e for e in order if e != gone)


def test_turns_are_spread_over_the_edges_by_target() -> None:
    first = Counter(in_order(f"gpu{number}", names(10))[0] for number in range(2000))
    assert min(first.values()) > 120
