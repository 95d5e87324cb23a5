"""What other services have moved: whose clients count once, and until when they count."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from resolverd.policy.shared_regions import Moved, moved_by, with_others
from resolverd.policy.spill import headroom, is_full
from resolverd.policy.spill_state import RegionLoad, RegionShare, Spill, SpillRule

RULE = SpillRule()
NOW = 1000.0
LOADS = {
    region: RegionLoad(True, 2.0, saturation, saturation, NOW + 5)
    for region, saturation in {"b": 0.2, "c": 0.2, "f": 1.5}.items()
}


def gave(sender: str, load: float, receiver: str = "b", at: float = NOW) -> Moved:
    return Moved(sender, receiver, load, at, 60.0)


@pytest.mark.parametrize(
    ("others", "coming", "leaving"),
    [
        pytest.param([], 0.0, 0.0, id="nobody else"),
        pytest.param([[gave("x", 0.2)], [gave("y", 0.3)]], 0.5, 0.0, id="of two regions: both"),
        pytest.param([[gave("x", 0.2)], [gave("x", 0.3)]], 0.3, 0.0, id="the same clients: once"),
        pytest.param([[gave("x", 0.2), gave("x", 0.1)]], 0.3, 0.0, id="two steps of one service"),
        pytest.param([[gave("f", 0.2)], [gave("y", 0.3)]], 0.3, 0.0, id="reckoned by itself"),
        pytest.param([[gave("x", 0.2, "c")]], 0.0, 0.0, id="to another region"),
        pytest.param([[gave("x", 0.2, "z")]], 0.0, 0.0, id="to one that it has not"),
        pytest.param([[gave("x", 0.2, at=NOW - 60)]], 0.0, 0.0, id="readings show it"),
        pytest.param([[gave("x", 0.2, at=NOW - 50)]], 0.2, 0.0, id="they show a part of it"),
        pytest.param([[gave("x", -0.2)], [gave("y", 0.3)]], 0.3, 0.2, id="had back"),
        pytest.param([[gave("x", 0.3), gave("x", -0.1)]], 0.2, 0.0, id="given and had back"),
    ],
)
def test_what_others_moved_counts_until_readings_show_it(
    others: list[list[Moved]], coming: float, leaving: float
) -> None:
    found = with_others(LOADS, others, ["f"])["b"]
    assert found.coming == pytest.approx(coming)
    assert found.leaving == pytest.approx(leaving)


def test_what_comes_is_no_room_and_what_leaves_is_not_given_back_again() -> None:
    load = replace(LOADS["b"], coming=0.3)
    assert headroom(RegionShare(), load, RULE) == pytest.approx(2 * (0.7 - 0.2) - 0.3)
    full = RegionLoad(True, 2.0, 1.1, 1.1, NOW)
    assert is_full(full, RULE)
    assert is_full(replace(full, leaving=0.1), RULE)
    assert not is_full(replace(full, leaving=0.3), RULE)


def test_what_a_service_moved_is_its_shares_of_the_clients_of_each_region() -> None:
    before = Spill({"f": RegionShare(0.1), "b": RegionShare(0, 0.1), "c": RegionShare()})
    after = Spill({"f": RegionShare(0.3), "b": RegionShare(0, 0.05), "c": RegionShare(0, 0.2)})
    found = {one.receiver: one for one in moved_by(before, after, LOADS, 60.0, NOW)}
    clients = 2.0 * 1.5 / (1 - 0.1)
    assert found["c"].load == pytest.approx(0.2 * clients)
    assert found["b"].load == pytest.approx(-0.05 * clients)
    assert {(one.sender, one.at, one.ttl) for one in found.values()} == {("f", NOW, 60.0)}
    assert moved_by(after, after, LOADS, 60.0, NOW) == []


def test_the_clients_of_a_region_that_does_not_serve_are_not_known_to_go_back() -> None:
    before = Spill({"f": RegionShare(0.3), "b": RegionShare(0, 0.3)})
    after = Spill({"f": RegionShare(not_serving=True), "b": RegionShare()})
    loads = {**LOADS, "f": RegionLoad(False)}
    assert moved_by(before, after, loads, 60.0, NOW) == []


def test_what_goes_to_a_region_that_is_not_read_is_waited_for_by_nobody() -> None:
    loads = {"b": RegionLoad(True, 1.0, 1.0, 1.0, -math.inf)}
    assert gave("x", -0.5).shown(loads)
