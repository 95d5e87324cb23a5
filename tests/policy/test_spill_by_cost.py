"""Shares moved by cost over time: in a loop that feels them late, and over all that may happen."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from resolverd.policy.equalise import Thresholds, lists_of, loads_of
from resolverd.policy.spill_by_cost import CostRule, advance_by_cost
from resolverd.policy.spill_state import RegionLoad, RegionShare, Spill
from resolverd.policy.ttft import Flow

RTT = {
    "a": {"a": 37.0, "b": 279.0, "c": 456.0},
    "b": {"a": 279.0, "b": 37.0, "c": 456.0},
    "c": {"a": 456.0, "b": 279.0, "c": 37.0},
}
NAMES = tuple(RTT)
RULE = CostRule(RTT)
DRAIN = 16.0
_TICK = 5


class Loop:
    """Regions as fluids: a share is felt as answers of a TTL run out, evenly."""

    def __init__(self, rule: CostRule = RULE) -> None:
        self.rule, self.now, self.spill = rule, 0.0, Spill()
        self.queues = dict.fromkeys(NAMES, 0.0)
        self._given: deque[Thresholds] = deque(maxlen=round(rule.ttl) // _TICK)
        self.history: list[Thresholds] = []

    def pass_by(self, seconds: int, **demand: float) -> None:
        """Seconds with such a demand, read and judged every few seconds."""
        own = dict.fromkeys(NAMES, 5.0) | demand
        for _ in range(0, seconds, _TICK):
            self._given.append(self.shares())
            felt = [loads_of(own, each, lists_of(RTT)) for each in self._given]
            arrivals = {n: sum(each[n] for each in felt) / len(felt) for n in NAMES}
            for name in NAMES:
                self.queues[name] = max(0.0, self.queues[name] + _TICK * (arrivals[name] - DRAIN))
            loads = {
                name: RegionLoad(True, flow=Flow(arrivals[name], self.queues[name], DRAIN, 64))
                for name in NAMES
            }
            self.spill = advance_by_cost(self.spill, loads, self.rule, self.now)
            self.history.append(self.shares())
            self.now += _TICK

    def shares(self) -> Thresholds:
        """The shares as they are."""
        known = {name: self.spill.regions.get(name, RegionShare()) for name in NAMES}
        return Thresholds(
            {name: own.spill_ratio for name, own in known.items()},
            {name: own.accept_ratio for name, own in known.items()},
        )

    def turns(self, name: str) -> int:
        """How often the share of a region that grew shrank, or the other way round."""
        shares = [each.spill[name] for each in self.history]
        steps = [b - a for a, b in pairwise(shares) if a != b]
        return sum(a * b < 0 for a, b in pairwise(steps))


def test_an_overloaded_region_sends_on_what_it_cannot_bear_and_its_queue_is_gone() -> None:
    loop = Loop()
    loop.pass_by(900, a=20.0)
    shares = loop.shares()
    assert 0.2 <= shares.spill["a"] <= 0.5
    assert shares.accept["b"] > 0
    assert loop.queues == dict.fromkeys(NAMES, 0.0)


def test_shares_do_not_swing_whatever_the_ttl() -> None:
    for ttl in (10.0, 60.0, 300.0):
        loop = Loop(CostRule(RTT, ttl=ttl))
        loop.pass_by(3600, a=20.0)
        assert loop.turns("a") <= 2, ttl
        late = [each.spill["a"] for each in loop.history[1800 // _TICK :]]
        assert max(late) - min(late) <= 0.05, ttl


def test_clients_come_back_by_steps_once_there_is_room_at_home() -> None:
    loop = Loop()
    loop.pass_by(900, a=20.0)
    sent_on = loop.shares().spill["a"]
    loop.pass_by(59, a=5.0)
    assert sent_on - 0.1 - 1e-9 <= loop.shares().spill["a"]
    loop.pass_by(900, a=5.0)
    assert loop.shares().spill["a"] == 0
    assert not loop.spill.shares(loop.now)


def test_where_there_is_room_nobody_is_sent_on_nor_are_ttls_shortened() -> None:
    loop = Loop()
    loop.pass_by(600, a=9.0, b=8.0)
    assert not loop.spill.active
    assert not loop.spill.shares(loop.now)


def test_where_all_are_full_nobody_sends_clients_around() -> None:
    loop = Loop()
    loop.pass_by(900, a=17.0, b=17.0, c=17.0)
    assert sum(loop.shares().spill.values()) <= 0.2


def test_what_is_about_to_be_moved_is_given_with_no_longer_ttl_than_to_the_next_round() -> None:
    loop = Loop()
    loop.pass_by(60, a=12.0)
    share = loop.spill.shares(loop.now)["a"]
    assert share.spill_ratio == 0
    assert share.steady <= RULE.dwell


parts = st.floats(0, 1)
flows = st.one_of(
    st.none(),
    st.builds(
        Flow,
        st.floats(0, 100),
        st.floats(0, 1000),
        st.one_of(st.none(), st.just(0.0), st.floats(0.001, 50)),
        st.floats(1, 100),
    ),
)
known = st.builds(
    RegionLoad, serves=st.booleans(), flow=flows, started=st.one_of(st.none(), st.just(5.0))
)
rounds = st.lists(
    st.tuples(st.fixed_dictionaries(dict.fromkeys(NAMES, known)), st.floats(0, 200)), max_size=12
)
rules = st.builds(
    CostRule,
    st.just(RTT),
    step=st.sampled_from([0.01, 0.1, 1.0]),
    max_ratio=st.sampled_from([0.05, 0.5, 1.0]),
    slow_share=st.sampled_from([0.0, 0.3]),
)


@given(rules, rounds)
def test_in_any_history_shares_are_shares_and_move_by_steps_and_only_where_regions_serve(
    rule: CostRule, history: list[tuple[dict[str, RegionLoad], float]]
) -> None:
    spill, now = Spill(), 0.0
    for loads, seconds in history:
        now += seconds
        before, spill = spill, advance_by_cost(spill, loads, rule, now)
        for name, own in spill.regions.items():
            was = before.regions.get(name, RegionShare())
            assert 0 <= own.spill_ratio <= max(rule.max_ratio, rule.slow_share)
            assert 0 <= own.accept_ratio <= max(rule.max_ratio, rule.slow_share)
            assert not (own.spill_ratio and own.accept_ratio and not own.warming)
            if not loads[name].serves:
                assert (own.spill_ratio, own.accept_ratio) == (0, 0)
            elif not (was.not_serving and own.warming):
                assert abs(own.spill_ratio - was.spill_ratio) <= rule.step + 1e-9
            flow = loads[name].flow
            if flow is None:
                assert own.spill_ratio <= was.spill_ratio or own.warming
                assert own.accept_ratio <= was.accept_ratio or any(
                    each.warming for each in spill.regions.values()
                )
        assert advance_by_cost(spill, loads, rule, now) == replace(spill) or now >= spill.due


@given(rules, rounds)
def test_between_two_rounds_shares_stay_but_of_those_that_go_and_come(
    rule: CostRule, history: list[tuple[dict[str, RegionLoad], float]]
) -> None:
    spill, now = Spill(), 0.0
    for loads, seconds in history:
        now += seconds
        before, spill = spill, advance_by_cost(spill, loads, rule, now)
        if now < before.due and all(load.serves for load in loads.values()):
            for name, own in spill.regions.items():
                was = before.regions.get(name, RegionShare())
                if not any(each.warming for each in spill.regions.values()):
                    assert own.spill_ratio == was.spill_ratio


def test_a_restarted_region_gets_its_clients_back_slowly() -> None:
    rule = CostRule(RTT, slow_share=0.4)
    flow = Flow(5.0, 0.0, DRAIN, 64)
    up = {n: RegionLoad(True, saturation=0.2, latest=0.2, started=1.0, flow=flow) for n in NAMES}
    spill = advance_by_cost(Spill(), up, rule, 0.0)
    spill = advance_by_cost(spill, up | {"a": RegionLoad(False)}, rule, 10.0)
    back = up | {"a": replace(up["a"], started=9.0)}
    shares = []
    for minute in range(7):
        spill = advance_by_cost(spill, back, rule, 20.0 + 60 * minute)
        shares.append(round(spill.regions["a"].spill_ratio, 3))
        if shares[-1]:
            assert spill.regions["b"].accept_ratio >= shares[-1]
    assert shares == [0.4, 0.3, 0.2, 0.1, 0, 0, 0]


def test_more_than_max_ratio_is_given_back_by_steps_though_the_flow_is_unknown() -> None:
    loads = dict.fromkeys(NAMES, RegionLoad(True))
    spill = Spill({"a": RegionShare(spill_ratio=0.5), "b": RegionShare(accept_ratio=0.5)})
    for minute in range(4):
        spill = advance_by_cost(spill, loads, replace(RULE, max_ratio=0.3), 60.0 * minute)
    assert spill.regions["a"].spill_ratio == 0.3
    assert spill.regions["b"].accept_ratio == 0.3


def test_a_region_never_seen_full_is_taken_to_bear_for_its_capacity_what_the_others_do() -> None:
    full = RegionLoad(True, capacity=2.0, flow=Flow(16.0, 50.0, DRAIN, 64))
    for capacity, most in ((1.0, 8.0), (4.0, 32.0)):
        idle = RegionLoad(True, capacity=capacity, flow=Flow(2.0))
        loads = {"a": full, "b": idle, "c": RegionLoad(False)}
        spill = Spill()
        for second in range(0, 900, 15):
            spill = advance_by_cost(spill, loads, RULE, float(second))
        given = spill.regions["b"].accept_ratio * 16.0
        assert 0 < given < most
    unknown = {"a": replace(full, flow=Flow(16.0, 50.0)), "b": idle, "c": idle}
    assert not advance_by_cost(Spill(), unknown, RULE, 0.0).active
