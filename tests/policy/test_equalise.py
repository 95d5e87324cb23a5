"""Shares that equalise costs: against who is answered block by block, and against trying all."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.policy.decision import RegionStatus, decide
from resolverd.policy.equalise import (
    Thresholds,
    demands_of,
    equalised,
    lists_of,
    loads_of,
)
from resolverd.policy.ttft import Flow, queue_delay

H = 60.0
NAMES = ("a", "b", "c")
RTT = {
    "a": {"a": 37.0, "b": 279.0, "c": 456.0},
    "b": {"a": 279.0, "b": 37.0, "c": 456.0},
    "c": {"a": 456.0, "b": 279.0, "c": 37.0},
}
LISTS = lists_of(RTT)
FREE = Flow(max_rate=16.0, concurrency=64)
loads = st.fixed_dictionaries(dict.fromkeys(NAMES, st.floats(0, 40)))
hundredths = st.integers(0, 100).map(lambda n: n / 100)


@st.composite
def thresholds(draw: st.DrawFn) -> Thresholds:
    """Shares in which no region both sends on and takes."""
    senders = draw(st.sets(st.sampled_from(NAMES)))
    return Thresholds(
        {n: draw(hundredths) if n in senders else 0.0 for n in NAMES},
        {n: 0.0 if n in senders else draw(hundredths) for n in NAMES},
    )


def found(
    demand: dict[str, float], flows: dict[str, Flow] | None = None, least: float = 1.0
) -> Thresholds:
    known = dict.fromkeys(NAMES, FREE) if flows is None else flows
    return equalised(demand, known, RTT, LISTS, horizon=H, max_ratio=0.5, least=least)


@given(loads, thresholds())
def test_loads_are_those_of_all_blocks_as_each_is_decided(
    demand: dict[str, float], shares: Thresholds
) -> None:
    statuses = {
        name: RegionStatus(True, spill_ratio=shares.spill[name], accept_ratio=shares.accept[name])
        for name in NAMES
    }
    slowly = dict.fromkeys(NAMES, 0.0)
    for name, n in product(NAMES, range(100)):
        decision = decide((name, *LISTS[name]), statuses, "nearest", n / 100 + 0.005)
        assert decision.region is not None
        slowly[decision.region] += demand[name] / 100
    assert loads_of(demand, shares, LISTS) == pytest.approx(slowly, abs=1e-9)


@given(loads, thresholds())
def test_demands_are_what_loads_are_made_of(demand: dict[str, float], shares: Thresholds) -> None:
    spill = {name: min(share, 0.9) for name, share in shares.spill.items()}
    felt = shares._replace(spill=spill)
    again = demands_of(loads_of(demand, felt, LISTS), felt, LISTS)
    assert again == pytest.approx(demand, abs=1e-6)


@given(loads, st.sampled_from([1.0, -1.0]))
def test_shares_lie_between_0_and_the_ceiling_and_nobody_sends_on_and_takes(
    demand: dict[str, float], least: float
) -> None:
    shares = found(demand, least=least)
    for name in NAMES:
        assert 0 <= shares.spill[name] <= 0.5
        assert 0 <= shares.accept[name] <= 0.5
        assert not (shares.spill[name] and shares.accept[name])
    assert sum(loads_of(demand, shares, LISTS).values()) == pytest.approx(sum(demand.values()))


@given(loads)
def test_taking_back_stops_no_sooner_than_sending_on(demand: dict[str, float]) -> None:
    """Else a share would be sent on and taken back by turns."""
    more, back = found(demand), found(demand, least=-1.0)
    sending = [name for name in NAMES if more.spill[name]]
    if len(sending) == 1:
        assert back.spill[sending[0]] >= more.spill[sending[0]]


@given(st.floats(0, 40), st.floats(0, 12), st.floats(0, 12))
def test_what_one_overloaded_region_sends_on_costs_all_little_more_than_the_best_of_all_shares(
    own: float, b: float, c: float
) -> None:
    demand = {"a": own, "b": b, "c": c}

    def paid(shares: Thresholds) -> float:
        """Milliseconds of all requests of a second, each place's trips and queues."""
        after = loads_of(demand, shares, LISTS)
        trips = 0.0
        for name in NAMES:
            kept = 1.0
            taken = 0.0
            for other in LISTS[name]:
                part = max(0.0, min(shares.spill[name], shares.accept[other]) - taken)
                taken, kept = taken + part, kept - part
                trips += demand[name] * part * RTT[name][other]
            trips += demand[name] * kept * RTT[name][name]
        delays = {name: queue_delay(FREE, after[name], H) or 0.0 for name in NAMES}
        return trips + sum(after[name] * delays[name] for name in NAMES)

    tenths = [n / 20 for n in range(11)]
    best = min(
        paid(Thresholds({"a": spill, "b": 0.0, "c": 0.0}, {"a": 0.0, "b": near, "c": spill}))
        for spill in tenths
        for near in tenths
        if near <= spill
    )
    # Two who are full besides move clients of theirs too, which can only help.
    assert paid(found(demand)) <= 1.1 * best + 10 * (own + b + c) + 1


def test_nobody_moves_while_the_way_costs_more_than_the_queue() -> None:
    assert not any(found({"a": 9.0, "b": 0.0, "c": 0.0}).spill.values())


def test_nobody_moves_for_less_than_ten_milliseconds_or_ten_percent() -> None:
    near = {"a": {"a": 100.0, "b": 100.0}, "b": {"a": 100.0, "b": 100.0}}

    def spill(demand: float) -> float:
        shares = equalised(
            {"a": demand, "b": 0.0}, {"a": FREE, "b": FREE}, near, lists_of(near),
            horizon=H, max_ratio=0.5,
        )  # fmt: skip
        return shares.spill["a"]

    shares = {demand: spill(demand) for demand in (6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 14.0)}
    assert shares[6.0] == 0
    assert list(shares.values()) == sorted(shares.values())
    assert shares[14.0] > 0.1


def test_a_region_of_which_nothing_is_known_is_given_nobody_and_sends_nobody_on() -> None:
    shares = found({"a": 20.0, "b": 20.0, "c": 0.0}, {"a": FREE, "c": FREE})
    assert shares.spill["a"] > 0
    assert "b" not in shares.spill
    assert "b" not in shares.accept


def test_the_nearer_one_is_filled_first_and_then_both_by_what_they_cost() -> None:
    few, many = found({"a": 15.0, "b": 2.0, "c": 2.0}), found({"a": 30.0, "b": 2.0, "c": 2.0})
    assert few.accept["b"] == few.spill["a"] > 0
    assert few.accept["c"] == 0
    assert many.accept["c"] == many.spill["a"] > many.accept["b"] > few.accept["b"]
