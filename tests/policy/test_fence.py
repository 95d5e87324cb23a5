"""Fences from pins: who wins, and what a straddling prefix gets."""

from __future__ import annotations

import pytest

from resolverd.policy.fence import Fence, GeoPins, Jurisdiction, PinRule, decide_rules, fence_of

EU = PinRule("eu", frozenset({"eu-west", "eu-north"}))
IRELAND = PinRule("ireland", frozenset({"eu-west"}))
ASIA = PinRule("asia", frozenset({"ap"}))
GEO = GeoPins({"IE": IRELAND}, {"EU": EU, "AS": ASIA})

Places = list[tuple[str | None, str | None]] | None


@pytest.mark.parametrize(
    ("subnets", "places", "fence"),
    [
        pytest.param([], [("US", "NA")], None, id="no pin: every region"),
        pytest.param([], [("DE", "EU")], EU.regions, id="continent"),
        pytest.param([], [("IE", "EU")], IRELAND.regions, id="country beats continent"),
        pytest.param([], [(None, None)], None, id="unplaced"),
        pytest.param([], [("DE", "EU"), ("US", "NA")], EU.regions, id="straddles a border"),
        pytest.param([EU, IRELAND], [], IRELAND.regions, id="subnet inside a subnet"),
        pytest.param([IRELAND], [("US", "NA")], IRELAND.regions, id="subnet inside"),
        pytest.param([IRELAND, ASIA], [], frozenset(), id="nothing is allowed to both"),
        pytest.param([], None, frozenset(), id="too many places: all the pins at once"),
        pytest.param([EU], [], EU.regions, id="no address free of subnet pins"),
    ],
)
def test_the_fence_is_the_intersection_of_all_rules_that_hold(
    subnets: list[PinRule], places: Places, fence: Fence
) -> None:
    asked = None if places is None else [Jurisdiction(*place) for place in places]
    assert fence_of(decide_rules(subnets, asked, GEO)) == fence


def test_rules_come_by_name_and_without_duplicates() -> None:
    rules = decide_rules([IRELAND, ASIA], [Jurisdiction("DE", "EU"), Jurisdiction("FR", "EU")], GEO)
    assert rules == [ASIA, EU, IRELAND]


UNKNOWN = PinRule("unknown", frozenset({"eu-west"}))
REST = PinRule("rest", frozenset({"us"}))


@pytest.mark.parametrize(
    ("country", "continent", "rule"),
    [
        ("IE", "EU", IRELAND),
        ("DE", "EU", EU),
        (None, "EU", EU),
        (None, None, UNKNOWN),
        (None, "NA", UNKNOWN),
        ("US", "NA", REST),
    ],
)
def test_an_unknown_jurisdiction_has_an_answer_of_its_own(
    country: str | None, continent: str | None, rule: PinRule
) -> None:
    pins = GEO._replace(unplaced=UNKNOWN, default=REST)
    assert pins.rule_for(country, continent) is rule
    assert {UNKNOWN, REST} <= {*pins.all_rules()}


def test_without_a_pin_for_the_unplaced_the_default_holds_for_them() -> None:
    assert GEO._replace(default=REST).rule_for(None, None) is REST
    assert GEO.rule_for(None, None) is None
