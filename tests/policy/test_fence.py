"""Fences from pins: who wins, and what a straddling prefix gets."""

from __future__ import annotations

import pytest

from resolverd.policy.fence import Fence, GeoPins, PinRule, decide_rules, fence_of

EU = PinRule("eu", frozenset({"eu-west", "eu-north"}))
IRELAND = PinRule("ireland", frozenset({"eu-west"}))
ASIA = PinRule("asia", frozenset({"ap"}))
GEO = GeoPins({"IE": IRELAND}, {"EU": EU, "AS": ASIA})

Places = list[tuple[str | None, str | None]] | None


@pytest.mark.parametrize(
    ("covering", "inside", "places", "fence"),
    [
        pytest.param(None, [], [("US", "NA")], None, id="no pin: every region"),
        pytest.param(None, [], [("DE", "EU")], EU.regions, id="continent"),
        pytest.param(None, [], [("IE", "EU")], IRELAND.regions, id="country beats continent"),
        pytest.param(ASIA, [], [("IE", "EU")], ASIA.regions, id="subnet beats country"),
        pytest.param(None, [], [(None, None)], None, id="unplaced"),
        pytest.param(None, [], [("DE", "EU"), ("US", "NA")], EU.regions, id="straddles a border"),
        pytest.param(EU, [IRELAND], [], IRELAND.regions, id="subnet inside a subnet"),
        pytest.param(None, [IRELAND], [("US", "NA")], IRELAND.regions, id="subnet inside"),
        pytest.param(IRELAND, [ASIA], [], frozenset(), id="nothing is allowed to both"),
        pytest.param(None, [], None, frozenset(), id="too many places: all the pins at once"),
        pytest.param(EU, [], None, EU.regions, id="too many places inside one subnet pin"),
    ],
)
def test_the_fence_is_the_intersection_of_all_rules_that_hold(
    covering: PinRule | None, inside: list[PinRule], places: Places, fence: Fence
) -> None:
    assert fence_of(decide_rules(covering, inside, places, GEO)) == fence


def test_rules_come_without_duplicates() -> None:
    rules = decide_rules(None, [], [("DE", "EU"), ("FR", "EU")], GEO)
    assert rules == [EU]
