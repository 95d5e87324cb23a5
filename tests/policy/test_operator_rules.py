"""Spill rules: what operators say that is sent on, who takes it, and what becomes of it after."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import pytest
from harness.trials import trials
from hypothesis import given, settings
from hypothesis import strategies as st

from resolverd.policy.equalise import RoundTrips
from resolverd.policy.operator_rules import (
    OperatorRule,
    advance_by_rules,
    in_words,
    key_of,
    keys_of_service,
    parts_of,
    rules_of,
    under_rules,
    with_room,
)
from resolverd.policy.share import Share
from resolverd.policy.spill import advance
from resolverd.policy.spill_by_cost import CostRule, advance_by_cost
from resolverd.policy.spill_state import RegionLoad, RegionShare, Spill, SpillRule
from resolverd.policy.ttft import Flow

RULE = SpillRule()
NOW = 1000.0
WAYS: RoundTrips = {a: {b: 10.0 if a == b else 40.0 for b in "abc"} for a in "abc"}
Shares = dict[str, tuple[float, float]]


def load(saturation: float | None, said: float | None = None, **rest: object) -> RegionLoad:
    """A region that serves, read now."""
    made = RegionLoad(True, 1.0, saturation, saturation, NOW, said=said)
    return replace(made, **rest)  # type: ignore[arg-type]


def moved(spill: Spill, loads: Mapping[str, RegionLoad], now: float, how: str = "load") -> Spill:
    """The shares a moment later, moved by load, by cost, or as operators alone say."""
    if how == "load":
        after = advance(spill, loads, RULE, now)
    elif how == "cost":
        after = advance_by_cost(spill, loads, CostRule(WAYS), now)
    else:
        after = advance_by_rules(spill, loads, RULE, now)
    return with_room(spill, after, loads, RULE, now)


def shares(spill: Spill) -> Shares:
    """What each region sends on and takes."""
    return {
        region: (round(own.spill_ratio, 6), round(own.accept_ratio, 6))
        for region, own in spill.regions.items()
    }


@pytest.mark.parametrize(
    ("loads", "expected"),
    [
        pytest.param(
            {"a": load(0.2, 0.3), "b": load(0.1), "c": load(None)},
            {"a": (0.3, 0), "b": (0, 0.3), "c": (0, 0)},
            id="at once, whole, to who has room, and not to who is unknown",
        ),
        pytest.param(
            {"a": load(1.5, 0.8), "b": load(0.1), "c": load(0.1)},
            {"a": (0.8, 0), "b": (0, 0.4), "c": (0, 0.4)},
            id="more than max_ratio, as far as it fits",
        ),
        pytest.param(
            {"a": load(0.2, 0.3), "b": load(0.99), "c": load(0.8)},
            {"a": (0.3, 0), "b": (0, 0), "c": (0, 0)},
            id="nobody that is full takes any, nor between the thresholds",
        ),
        pytest.param(
            {"a": load(0.2, 0.3), "b": load(0.1, 0.0), "c": load(0.1)},
            {"a": (0.3, 0), "b": (0, 0), "c": (0, 0.3)},
            id="one that is off takes none",
        ),
        pytest.param(
            {"a": load(0.2, 0.3), "b": load(0.1, 0.2), "c": load(0.1)},
            {"a": (0.3, 0), "b": (0.2, 0), "c": (0, 0.3)},
            id="one that sends on itself takes none",
        ),
        pytest.param(
            {"a": load(0.2, 0.3), "b": load(0.1, serves=False), "c": load(0.1)},
            {"a": (0.3, 0), "b": (0, 0), "c": (0, 0.3)},
            id="one that is down takes none",
        ),
        pytest.param(
            {"a": load(0.2, 0.3, serves=False), "b": load(0.1)},
            {"a": (0, 0), "b": (0, 0)},
            id="one that is down sends nobody on by shares",
        ),
        pytest.param(
            {"a": load(None, 0.3, measured=False), "b": load(None, measured=False)},
            {"a": (0.3, 0), "b": (0, 0.3)},
            id="where no probe tells a load nobody is known to be full",
        ),
        pytest.param(
            {"a": load(None, 0.3, measured=False), "b": load(1.0, measured=False)},
            {"a": (0.3, 0), "b": (0, 0)},
            id="but one that an alert takes for full is",
        ),
        pytest.param(
            {"a": load(5.0, 0.0), "b": load(0.1)}, {"a": (0, 0), "b": (0, 0)}, id="off, though full"
        ),
    ],
)
@pytest.mark.parametrize("how", ["load", "rules"])
def test_what_operators_say_is_sent_on_and_who_has_room_takes_it(
    loads: Mapping[str, RegionLoad], expected: Shares, how: str
) -> None:
    assert shares(moved(Spill(), loads, NOW, how)) == expected


def test_where_cost_moves_shares_a_rule_goes_before_it() -> None:
    flow = Flow(arrivals=5.0, waiting=0.0, max_rate=20.0, concurrency=8.0)
    loads = {"a": load(0.2, 0.3, flow=flow), "b": load(0.1, flow=flow), "c": load(1.2, flow=flow)}
    spill = moved(Spill(), loads, NOW, "cost")
    assert shares(spill) == {"a": (0.3, 0), "b": (0, 0.3), "c": (0, 0)}
    for second in range(1, 200):
        spill = moved(spill, loads, NOW + second, "cost")
        assert shares(spill)["a"] == (0.3, 0)
        assert shares(spill)["b"][1] >= 0.3


def test_a_taker_that_fills_up_gives_back_by_steps() -> None:
    spill = moved(Spill(), {"a": load(0.5, 0.3), "b": load(0.1)}, NOW, "rules")
    taken = []
    for minute in range(1, 5):
        spill = moved(spill, {"a": load(0.5, 0.3), "b": load(1.0)}, NOW + 60 * minute, "rules")
        taken.append(shares(spill)["b"][1])
    assert taken == [0.2, 0.1, 0, 0]


@pytest.mark.parametrize("how", ["load", "rules"])
def test_a_rule_that_is_changed_counts_at_once(how: str) -> None:
    spill = moved(Spill(), {"a": load(0.5, 0.1), "b": load(0.1)}, NOW, how)
    spill = moved(spill, {"a": load(0.5, 0.4), "b": load(0.1)}, NOW + 1, how)
    assert shares(spill) == {"a": (0.4, 0), "b": (0, 0.4)}
    spill = moved(spill, {"a": load(0.5, 0.0), "b": load(0.1)}, NOW + 2, how)
    assert shares(spill)["a"] == (0, 0)


def test_what_was_given_is_not_given_again_before_it_can_be_read() -> None:
    """b has room for 0.6; a gives it 0.5 at once, and then wants to give more."""
    stale = replace(load(0.1), at=NOW)
    spill = moved(Spill(), {"a": load(1.0, 0.5), "b": stale}, NOW, "rules")
    assert shares(spill)["b"] == (0, 0.5)
    spill = moved(spill, {"a": load(1.0, 1.0), "b": stale}, NOW + 1, "rules")
    assert 0.5 < shares(spill)["b"][1] < 0.7


def test_room_counts_for_all_who_spill_and_not_for_those_under_a_rule_alone() -> None:
    """c is full, and nobody took its share so far: whoever takes of a takes of c, too."""
    spill = Spill({"c": RegionShare(spill_ratio=0.3)}, NOW + 60)
    loads = {"a": load(1.0, 0.3), "b": load(0.4), "c": load(1.0)}
    taken = shares(moved(spill, loads, NOW))["b"][1]
    clients = {"a": 1.0, "c": 1.0}
    assert taken * sum(clients.values()) == pytest.approx(RULE.end - 0.4)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        pytest.param(load(0.8), 0.4, id="it goes on from there: holds between the thresholds"),
        pytest.param(load(0.2), 0.3, id="by a step a round, where it has room again"),
        pytest.param(load(None), 0.0, id="at once, where nothing would ever bring them back"),
    ],
)
def test_after_a_rule_the_load_decides_again(after: RegionLoad, expected: float) -> None:
    spill = moved(Spill(), {"a": load(0.5, 0.4), "b": load(0.1)}, NOW)
    spill = moved(spill, {"a": after, "b": load(0.1)}, NOW + 1)
    spill = moved(spill, {"a": after, "b": load(0.1)}, NOW + 61)
    assert shares(spill)["a"] == (expected, 0)


def test_where_no_region_spills_by_itself_none_goes_on_after_its_rule() -> None:
    loads = {"a": load(0.9, 0.4), "b": load(0.1, 0.2), "c": load(0.1)}
    spill = moved(Spill(), loads, NOW, "rules")
    spill = moved(spill, {**loads, "a": load(5.0)}, NOW + 1, "rules")
    assert shares(spill)["a"][0] == 0
    assert shares(spill)["b"] == (0.2, 0)


def test_a_region_that_is_off_waits_for_no_round_and_one_that_sends_on_does() -> None:
    spill = moved(Spill(), {"a": load(5.0, 0.0), "b": load(0.1)}, NOW)
    assert "a" not in spill.shares(NOW)
    spill = moved(spill, {"a": load(5.0, 0.3), "b": load(0.1)}, NOW + 1)
    assert spill.shares(NOW + 1)["a"].steady <= RULE.dwell


@pytest.mark.parametrize("how", ["load", "rules"])
@pytest.mark.parametrize(
    ("away", "back", "expected"),
    [
        pytest.param(
            load(None, measured=False, serves=False), load(None, measured=False), 0.2, id="down"
        ),
        pytest.param(load(None, 0.0, measured=False), load(None, measured=False), 0.2, id="off"),
        pytest.param(load(0.1, 0.0), load(0.1), 0.2, id="off, with room"),
        pytest.param(load(0.1, serves=False), load(0.1), 0.2, id="down, with room"),
        pytest.param(load(0.1, serves=False), load(0.6), 0.1, id="down, with little room"),
        pytest.param(load(0.1, serves=False), load(0.8), 0.0, id="down, without room"),
        pytest.param(None, load(0.1), 0.2, id="not there"),
    ],
)
def test_a_region_that_may_begin_to_take_is_given_at_once_what_it_has_room_for(
    how: str, away: RegionLoad | None, back: RegionLoad, expected: float
) -> None:
    others = {"a": load(1.0, 0.2), "c": load(0.8)}
    spill = moved(Spill(), others | {"b": load(0.1)}, NOW, how)
    assert shares(spill)["b"] == (0, 0.2)
    spill = moved(spill, others | ({} if away is None else {"b": away}), NOW + 2, how)
    assert shares(spill).get("b", (0, 0))[1] == 0
    spill = moved(spill, others | {"b": back}, NOW + 4, how)
    assert shares(spill)["b"] == (0, expected)
    assert shares(spill)["c"] == (0, 0)


@pytest.mark.parametrize("how", ["load", "rules"])
def test_one_whose_load_is_not_read_yet_takes_as_soon_as_it_is(how: str) -> None:
    loads = {"a": load(1.0, 0.2), "b": load(None)}
    spill = moved(Spill(), loads, NOW, how)
    assert shares(spill)["b"] == (0, 0)
    spill = moved(spill, loads | {"b": load(0.1)}, NOW + 3, how)
    assert shares(spill)["b"] == (0, 0.2)
    spill = moved(spill, loads, NOW + 4, how)
    assert shares(spill)["b"] == (0, 0.2)


@pytest.mark.parametrize("how", ["load", "cost", "rules"])
def test_a_clock_that_was_set_back_between_two_runs_puts_no_round_off(how: str) -> None:
    ahead = NOW + 5000
    spill = Spill(
        {
            "a": RegionShare(spill_ratio=0.3, moved=ahead, said=how == "rules"),
            "b": RegionShare(accept_ratio=0.3, moved=ahead, in_flight=9.0, in_flight_at=ahead),
        },
        ahead,
    )
    busy, idle = Flow(15.0, 50.0, 10.0, 8.0), Flow(1.0, 0.0, 20.0, 8.0)
    loads = {"a": load(2.0, flow=busy), "b": load(0.1, flow=idle)}
    if how == "rules":
        loads["a"] = load(2.0, 0.3)
        loads["b"] = load(1.5)
    spill = moved(spill, loads, NOW, how)
    kept = {"a": (0.3, 0), "b": (0, 0.3)}
    assert shares(spill) == kept
    assert spill.due <= NOW + RULE.dwell
    for second in range(1, 131):
        spill = moved(spill, loads, NOW + second, how)
    assert shares(spill) != kept


def test_a_region_that_came_back_under_a_rule_does_not_start_slowly() -> None:
    rule = SpillRule(slow_start=120.0)
    loads = {"a": load(0.1, 0.0, started=1.0), "b": load(0.1)}
    spill = advance(Spill(), loads, rule, NOW)
    spill = advance(spill, {**loads, "a": load(None, 0.0, serves=False)}, rule, NOW + 1)
    spill = advance(spill, {**loads, "a": load(0.1, 0.0, started=2.0)}, rule, NOW + 2)
    assert shares(spill)["a"] == (0, 0)


def rule(share: float, until: float | None = None) -> OperatorRule:
    return OperatorRule(share, "op", "a surge", NOW, until)


def test_a_regions_own_rule_goes_before_its_services() -> None:
    said = {"chat": rule(0.0), "chat/a": rule(0.3), "other/b": rule(0.5)}
    found = rules_of("chat", ["a", "b"], said)
    assert {region: own.share for region, own in found.items()} == {"a": 0.3, "b": 0.0}
    assert rules_of("chat", ["a", "b"], {"chat/a": rule(0.3)}).keys() == {"a"}


def test_nothing_is_relied_on_beyond_the_end_of_a_rule() -> None:
    known = {"a": Share(0.3, 0, 60.0), "c": Share(0, 0.1)}
    said = {"a": rule(0.3, NOW + 20), "b": rule(0.0, NOW + 50), "c": rule(0.0)}
    found = under_rules(known, said, NOW)
    assert [found[region].steady for region in "abc"] == [20.0, 50.0, math.inf]


def test_a_share_of_nothing_takes_a_region_out_of_spilling() -> None:
    found = under_rules({"b": Share(0.3)}, {"a": rule(0.0), "b": rule(0.3)}, NOW)
    assert {region: share.spill_off for region, share in found.items()} == {"a": True, "b": False}


@pytest.mark.parametrize(
    ("share", "words"), [(0.0, "off"), (0.3, "30%"), (1.0, "100%"), (0.07, "7%"), (0.125, "12.5%")]
)
def test_a_rule_in_words(share: float, words: str) -> None:
    assert in_words(share) == words


@pytest.mark.parametrize("share", [-0.1, 1.1, math.nan, math.inf])
def test_what_is_no_share_is_no_rule(share: float) -> None:
    with pytest.raises(ValueError, match="no share"):
        rule(share)


def test_keys_are_read_as_they_were_made() -> None:
    assert parts_of(key_of("chat")) == ("chat", "")
    assert parts_of(key_of("chat", "eu-west")) == ("chat", "eu-west")
    assert keys_of_service("chat", ["a"]) == ["chat", "chat/a"]


saturations = st.none() | st.floats(0, 5)
loads_of_three = st.fixed_dictionaries(
    {
        region: st.builds(
            load,
            saturations,
            st.none() | st.sampled_from([0.0, 0.1, 0.5, 1.0]),
            serves=st.booleans(),
            measured=st.booleans(),
        )
        for region in "abc"
    }
)


@settings(max_examples=trials(200, 2000), deadline=None)
@given(st.lists(loads_of_three, min_size=1, max_size=12), st.sampled_from(["load", "rules"]))
def test_whatever_loads_and_rules_do(steps: list[dict[str, RegionLoad]], how: str) -> None:
    """What is sent on is what is said, and nobody that is down, off, full or sends on begins to
    take more."""
    spill = Spill()
    for number, loads in enumerate(steps):
        before, spill = spill, moved(spill, loads, NOW + 61 * number, how)
        for region, known in loads.items():
            own = spill.regions[region]
            assert 0 <= own.spill_ratio <= 1
            assert 0 <= own.accept_ratio <= 1
            assert not (own.spill_ratio and own.accept_ratio)
            if not known.serves:
                assert (own.spill_ratio, own.accept_ratio) == (0, 0)
            elif known.said is not None:
                assert (own.spill_ratio, own.accept_ratio) == (known.said, 0)
            elif how == "rules":
                assert own.spill_ratio == 0
            was = before.regions[region].accept_ratio if region in before.regions else 0.0
            full = known.highest is not None and known.highest >= RULE.end
            unknown = known.measured and known.highest is None
            if full or unknown:
                assert own.accept_ratio <= was
