"""The controller of shares: a table of rounds, and what must hold whatever the loads are."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from harness.trials import trials
from hypothesis import given, settings
from hypothesis import strategies as st

from resolverd.policy.share import Share
from resolverd.policy.spill import advance
from resolverd.policy.spill_state import RegionLoad, Spill, SpillRule

RULE = SpillRule()
Shares = dict[str, tuple[float, float]]


def _load(saturation: float | None, *, at: float = math.inf, **rest: object) -> RegionLoad:
    return replace(RegionLoad(True, 1.0, saturation, saturation, at), **rest)  # type: ignore[arg-type]


def _rounds(count: int, loads: Mapping[str, RegionLoad], spill: Spill, begin: float = 0.0) -> Spill:
    for number in range(count):
        spill = advance(spill, loads, RULE, begin + number * RULE.dwell)
    return spill


def _shares(spill: Spill) -> Shares:
    return {
        region: (round(share.spill_ratio, 6), round(share.accept_ratio, 6))
        for region, share in spill.shares(0.0).items()
    }


@pytest.mark.parametrize(
    ("loads", "rounds", "expected"),
    [
        pytest.param({"a": 0.99, "b": 0.1}, 5, {}, id="below start nothing happens"),
        pytest.param({"a": 1.0, "b": 0.1}, 1, {"a": (0.1, 0), "b": (0, 0.1)}, id="a step at start"),
        pytest.param({"a": 1.0, "b": 0.1}, 3, {"a": (0.3, 0), "b": (0, 0.3)}, id="by steps"),
        pytest.param({"a": 9.0, "b": 0.1}, 20, {"a": (0.5, 0), "b": (0, 0.5)}, id="at most"),
        pytest.param({"a": 1.0, "b": 0.7}, 2, {"a": (0.2, 0)}, id="none at end takes any"),
        pytest.param({"a": 1.0, "b": None}, 2, {"a": (0.2, 0)}, id="an unknown one takes none"),
        pytest.param({"a": None, "b": 0.1}, 2, {}, id="an unknown one sends none on"),
        pytest.param({"a": 5.0}, 2, {"a": (0, 0)}, id="nowhere to send them"),
        pytest.param({"a": 2.0, "b": 0.6}, 1, {"a": (0.1, 0), "b": (0, 0.05)}, id="what fits"),
        pytest.param({"a": 99.0, "b": 0.6}, 1, {"a": (0.1, 0), "b": (0, 0.05)}, id="a long queue"),
        pytest.param({"a": 1.0, "b": 1.0}, 2, {"a": (0.2, 0), "b": (0.2, 0)}, id="both are full"),
    ],
)
def test_rounds_move_shares_by_what_saturation_says(
    loads: Mapping[str, float | None], rounds: int, expected: Shares
) -> None:
    known = {region: _load(saturation) for region, saturation in loads.items()}
    assert _shares(_rounds(rounds, known, Spill())) == expected


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        pytest.param({"a": 0.8, "b": 0.1}, {"a": (0.3, 0), "b": (0, 0.3)}, id="between: holds"),
        pytest.param({"a": None, "b": 0.1}, {"a": (0.3, 0), "b": (0, 0.3)}, id="unknown: holds"),
        pytest.param({"a": 0.6, "b": 0.1}, {"a": (0.2, 0), "b": (0, 0.2)}, id="below end: back"),
        pytest.param({"a": 1.0, "b": 0.8}, {"a": (0.4, 0), "b": (0, 0.3)}, id="taker frozen"),
        pytest.param({"a": 1.0, "b": None}, {"a": (0.4, 0), "b": (0, 0.3)}, id="taker unknown"),
        pytest.param({"a": 1.0, "b": 1.0}, {"a": (0.4, 0), "b": (0, 0.2)}, id="taker gives back"),
    ],
)
def test_a_spill_under_way_follows_both_ends(
    then: Mapping[str, float | None], expected: Shares
) -> None:
    spill = _rounds(3, {"a": _load(1.0), "b": _load(0.1)}, Spill())
    spill = advance(spill, {r: _load(s) for r, s in then.items()}, RULE, 3 * RULE.dwell)
    assert _shares(spill) == expected


@pytest.mark.parametrize("saturation", [0.8, 1.0, 3.0, None], ids=str)
def test_more_than_max_ratio_is_given_back_by_steps_whatever_the_load(
    saturation: float | None,
) -> None:
    spill = _rounds(5, {"a": _load(1.0), "b": _load(0.1)}, Spill())
    assert _shares(spill) == {"a": (0.5, 0), "b": (0, 0.5)}
    lower, observed = replace(RULE, max_ratio=0.25), []
    for number in range(5, 9):
        loads = {"a": _load(saturation), "b": _load(0.1)}
        spill = advance(spill, loads, lower, number * RULE.dwell)
        observed.append(_shares(spill))
    assert [found["a"][0] for found in observed] == [0.4, 0.3, 0.25, 0.25]
    assert [found["b"][1] for found in observed] == [0.4, 0.3, 0.25, 0.25]


def test_a_region_gives_back_all_it_took_before_it_spills() -> None:
    loads = {"a": _load(1.0), "b": _load(0.1), "c": _load(0.9)}
    spill = _rounds(3, loads, Spill())
    observed = []
    for number in range(3, 8):
        spill = advance(spill, loads | {"b": _load(2.0)}, RULE, number * RULE.dwell)
        observed.append(_shares(spill)["b"])
    assert observed == [(0, 0.2), (0, 0.1), (0, 0), (0.1, 0), (0.2, 0)]


def test_a_spill_that_ends_forgets_what_was_taken() -> None:
    spill = _rounds(2, {"a": _load(1.0), "b": _load(0.1)}, Spill())
    spill = _rounds(2, {"a": _load(0.1), "b": _load(0.1)}, spill, begin=2 * RULE.dwell)
    assert not spill.active
    assert _shares(spill) == {}


def test_a_region_that_stops_serving_has_no_share_at_once() -> None:
    spill = _rounds(2, {"a": _load(1.0), "b": _load(0.1)}, Spill())
    spill = advance(spill, {"a": RegionLoad(False), "b": _load(0.1)}, RULE, RULE.dwell + 1)
    assert _shares(spill) == {}


def test_shares_are_steady_until_the_next_round_and_only_for_those_it_may_move() -> None:
    spill = advance(Spill(), {"a": _load(1.0), "b": _load(0.1), "c": _load(0.9)}, RULE, 100.0)
    assert spill.shares(110.0) == {
        "a": Share(0.1, 0.0, 50.0),
        "b": Share(0.0, 0.1, math.inf),
    }


def test_between_rounds_nothing_moves_and_a_region_that_has_just_filled_up_is_not_steady() -> None:
    spill = advance(Spill(), {"a": _load(1.0), "b": _load(0.1), "c": _load(0.9)}, RULE, 100.0)
    spill = advance(spill, {"a": _load(9.0), "b": _load(0.1), "c": _load(1.2)}, RULE, 130.0)
    assert spill.shares(130.0) == {
        "a": Share(0.1, 0.0, 30.0),
        "b": Share(0.0, 0.1, math.inf),
        "c": Share(0.0, 0.0, 30.0),
    }


def test_room_given_away_is_not_given_twice_before_a_reading_shows_it() -> None:
    loads = {"a": _load(2.0, at=0.0), "b": _load(0.6, at=0.0)}
    spill = _rounds(3, loads, Spill())
    assert _shares(spill) == {"a": (0.3, 0), "b": (0, 0.05)}


def test_a_region_below_a_takers_threshold_sends_on_no_more_than_that_taker_has_room_for() -> None:
    spill = _rounds(3, {"a": _load(1.0), "b": _load(1e-9), "c": _load(0.9)}, Spill())
    loads = {"a": _load(1.0), "b": _load(0.65), "c": _load(1.0)}
    spill = advance(spill, loads, RULE, 3 * RULE.dwell)
    # 0.05 of room, for c's clients alone: then b has none for more of a's.
    assert _shares(spill) == {"a": (0.4, 0), "b": (0, 0.3), "c": (0.05, 0)}


class TestSlowStart:
    RULE = SpillRule(slow_start=150.0)

    def _away(self) -> Spill:
        loads = {"a": _load(0.5, started=1.0), "b": _load(0.5), "c": _load(None)}
        spill = advance(Spill(), loads, self.RULE, 0.0)
        return advance(spill, loads | {"a": RegionLoad(False)}, self.RULE, 10.0)

    def test_a_restarted_region_comes_back_by_steps_to_those_who_carried_it(self) -> None:
        spill, observed = self._away(), []
        loads = {"a": _load(0.1, started=2.0), "b": _load(0.9), "c": _load(None)}
        for now in (20.0, 79.0, 80.0, 140.0, 200.0):
            spill = advance(spill, loads, self.RULE, now)
            observed.append(_shares(spill))
        first = {"a": (0.3, 0), "b": (0, 0.3)}
        assert observed == [
            first,
            first,
            {"a": (0.2, 0), "b": (0, 0.2)},
            {"a": (0.1, 0), "b": (0, 0.1)},
            {},
        ]

    @pytest.mark.parametrize(
        ("back", "carrier", "expected"),
        [
            pytest.param(1.0, 0.5, {}, id="the same process"),
            pytest.param(0.5, 0.5, {}, id="an older process alone"),
            pytest.param(None, 0.5, {}, id="who knows which process"),
            pytest.param(2.0, 1.0, {"a": (0.3, 0), "b": (0, 0)}, id="the carrier is full"),
            pytest.param(2.0, None, {"a": (0.3, 0)}, id="who knows how full the carrier is"),
        ],
    )
    def test_only_a_known_restart_starts_slowly(
        self, back: float | None, carrier: float | None, expected: Shares
    ) -> None:
        loads = {"a": _load(0.1, started=back), "b": _load(carrier), "c": _load(None)}
        spill = advance(replace(self._away(), due=1000.0), loads, self.RULE, 20.0)
        assert _shares(spill) == expected

    def test_a_restart_that_nobody_noticed_changes_nothing(self) -> None:
        loads = {"a": _load(0.5, started=1.0), "b": _load(0.5)}
        spill = advance(Spill(), loads, self.RULE, 0.0)
        spill = advance(spill, loads | {"a": _load(0.5, started=2.0)}, self.RULE, 10.0)
        assert _shares(spill) == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {"end": 1.0},
        {"end": 0.0},
        {"step": 0.0},
        {"step": 1.1},
        {"max_ratio": 1.1},
        {"max_ratio": 0.0},
        {"dwell": 59.0},
        {"dwell": 0.0, "ttl": 0.0},
    ],
    ids=str,
)
def test_rules_that_contradict_themselves_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"end|step|dwell"):
        SpillRule(**wrong)


saturations = st.one_of(st.none(), st.floats(0, 4))
regions = st.sampled_from(["a", "b", "c", "d"])
loads_of_some = st.dictionaries(
    regions,
    st.builds(
        RegionLoad,
        serves=st.sampled_from([True, True, True, False]),
        capacity=st.sampled_from([1.0, 2.0, 8.0]),
        saturation=saturations,
        latest=saturations,
        at=st.floats(0, 2000),
        started=st.sampled_from([None, 1.0, 2.0]),
    ),
)
histories = st.lists(st.tuples(st.floats(1, 70), loads_of_some), min_size=1, max_size=25)
rules = st.sampled_from(
    [RULE, SpillRule(slow_start=200.0), SpillRule(step=0.3, max_ratio=1.0), SpillRule(dwell=90.0)]
)


@given(histories, rules)
def test_whatever_comes_no_share_leaves_its_bounds_nor_moves_too_far_or_too_soon(
    history: Sequence[tuple[float, Mapping[str, RegionLoad]]], rule: SpillRule
) -> None:
    now, spill = 0.0, Spill()
    moved: dict[tuple[str, str], float] = {}
    for wait, loads in history:
        now += wait
        before, spill = spill.shares(now), advance(spill, loads, rule, now)
        after = spill.shares(now)
        for region, load in loads.items():
            old, new = before.get(region, Share()), after.get(region, Share())
            assert 0 <= new.spill_ratio <= rule.max_ratio
            assert 0 <= new.accept_ratio <= rule.max_ratio
            assert not (new.spill_ratio and new.accept_ratio)
            assert new.steady >= 0
            if not load.serves:
                assert new[:2] == (0, 0)
                continue
            warms = spill.regions[region].warming
            if new.spill_ratio > old.spill_ratio and not warms:
                assert load.saturation is not None
                assert load.saturation >= rule.start
                assert not old.accept_ratio
            if new.accept_ratio > old.accept_ratio:
                assert load.highest is not None
                assert load.highest < rule.start
                assert load.highest < rule.end or any(h.warming for h in spill.regions.values())
            if new.spill_ratio != old.spill_ratio and not warms:
                assert abs(new.spill_ratio - old.spill_ratio) <= rule.step + 1e-9
                assert now - moved.get((region, "spilled"), -math.inf) >= rule.dwell
            if new.spill_ratio != old.spill_ratio:
                moved[region, "spilled"] = now


@st.composite
def _fleets(draw: st.DrawFn) -> tuple[dict[str, float], dict[str, float], dict[str, list[str]]]:
    """Capacities, the load at home relative to them, and each home's preference list."""
    names = ["a", "b", "c", "d"][: draw(st.integers(2, 4))]
    capacities = {name: draw(st.sampled_from([1.0, 2.0, 4.0, 8.0])) for name in names}
    homes = {name: draw(st.one_of(st.floats(0, 0.9), st.floats(1, 2))) for name in names}
    lists = {
        name: [name, *draw(st.permutations([other for other in names if other != name]))]
        for name in names
    }
    return capacities, homes, lists


def _answer(preference: Sequence[str], shares: Mapping[str, Share], draw: float) -> str:
    """The contract of the engines, in its own words; everybody serves."""
    first = preference[0]
    if draw < shares.get(first, Share()).spill_ratio:
        for region in preference[1:]:
            share = shares.get(region, Share())
            if share.spill_ratio == 0 and draw < share.accept_ratio:
                return region
    return first


class _Fluid:
    """Clients as a fluid: a region's load is its capacity times its saturation.

    Answers live for `ttl` and are asked for at any time, so that loads follow shares as an
    average over the last `ttl`. Saturation is read every `interval` seconds, and smoothed.
    """

    EVERY = 5.0

    def __init__(
        self,
        capacities: dict[str, float],
        lists: dict[str, list[str]],
        rule: SpillRule,
        interval: float = EVERY,
    ) -> None:
        self.rule, self.capacities, self.lists = rule, capacities, lists
        self.spill, self.now, self.interval = Spill(), 0.0, interval
        self.loads: dict[str, RegionLoad] = {}
        self._answers: list[dict[tuple[str, str], float]] = []

    def run(self, homes: Mapping[str, float], seconds: float) -> list[dict[str, float]]:
        """Saturations every five seconds."""
        observed = []
        for _ in range(int(seconds / self.EVERY)):
            self._answers = [*self._answers, self._parts()][-int(self.rule.ttl / self.EVERY) :]
            loads = dict.fromkeys(self.capacities, 0.0)
            for parts in self._answers:
                for (home, region), part in parts.items():
                    came = part * homes[home] * self.capacities[home]
                    loads[region] += came / len(self._answers)
            observed.append({r: load / self.capacities[r] for r, load in loads.items()})
            if self.now % self.interval == 0:
                self._read(observed[-1])
            self.spill = advance(self.spill, self.loads, self.rule, self.now)
            self.now += self.EVERY
        return observed

    def _parts(self) -> dict[tuple[str, str], float]:
        """What part of each home's clients is answered with each region now."""
        shares = self.spill.shares(self.now)
        edges = sorted({0.0, 1.0, *(edge for s in shares.values() for edge in s[:2])})
        parts: dict[tuple[str, str], float] = {}
        for low, high in itertools.pairwise(edges):
            for home, preference in self.lists.items():
                key = home, _answer(preference, shares, (low + high) / 2)
                parts[key] = parts.get(key, 0.0) + high - low
        return parts

    def _read(self, saturations: Mapping[str, float]) -> None:
        for region, latest in saturations.items():
            known = self.loads.get(region)
            old = latest if known is None or known.saturation is None else known.saturation
            smoothed = old + 0.3 * (latest - old)
            self.loads[region] = RegionLoad(
                True, self.capacities[region], smoothed, latest, self.now
            )


fluid_rules = st.sampled_from(
    [
        SpillRule(),
        SpillRule(dwell=20.0, ttl=20.0),
        SpillRule(dwell=10.0, ttl=5.0, step=0.3, max_ratio=1.0),
    ]
)


@settings(max_examples=trials(40, 100))
@given(_fleets(), fluid_rules, st.sampled_from([5.0, 15.0, 35.0]))
def test_no_region_is_filled_up_by_what_others_send_it_and_all_return_when_load_falls(
    fleet: tuple[dict[str, float], dict[str, float], dict[str, list[str]]],
    rule: SpillRule,
    interval: float,
) -> None:
    capacities, homes, lists = fleet
    fluid = _Fluid(capacities, lists, rule, interval)
    for saturations in fluid.run(homes, 25 * rule.dwell):
        for region, saturation in saturations.items():
            if homes[region] < rule.start:
                assert saturation <= max(rule.end, homes[region]) + 1e-6
    fluid.run(dict.fromkeys(homes, 0.2), 25 * rule.dwell)
    assert fluid.spill.shares(fluid.now) == {}


def test_a_region_that_stays_full_relieves_itself_in_one_episode() -> None:
    """Ten minutes at 1.5 times what it can bear, beside one as large that is half idle."""
    fluid = _Fluid({"a": 1.0, "b": 2.0}, {"a": ["a", "b"], "b": ["b", "a"]}, RULE)
    active = []
    for _ in range(10):
        saturations = fluid.run({"a": 1.5, "b": 0.1}, 60.0)[-1]
        active.append(fluid.spill.active)
    assert active == [True] * 10
    assert saturations["a"] < RULE.start
