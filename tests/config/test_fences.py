"""The fences of a configuration, against every set of its pins one by one."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.config.fences import FenceSize, describe, fences
from resolverd.config.model import Config
from resolverd.health.verdict import UNKNOWN, State
from resolverd.snapshot.model import JudgedRegion
from resolverd.snapshot.unserved import emptied

REGIONS = ("a", "b", "c", "d")
allowed = st.sets(st.sampled_from(REGIONS), min_size=1)
pinned = st.dictionaries(st.sampled_from(["one", "two", "three", "four"]), allowed)


def config(pins: dict[str, Any], **more: Any) -> Config:
    """One service in all regions, under these pins."""
    countries = iter(["DE", "FR", "IT", "ES"])
    return Config.model_validate(
        {
            "server": {"coordinates": [1, 2]},
            "region": {name: {"coordinates": [1, 2]} for name in REGIONS},
            "service": {"s": {"regions": list(REGIONS)}},
            "pin": {
                name: {"countries": [next(countries)], "regions": sorted(regions), **more}
                for name, regions in pins.items()
            },
        }
    )


def judged(serving: set[str]) -> list[JudgedRegion]:
    """The regions, of which these serve."""
    down, up = replace(UNKNOWN, state=State.DOWN), replace(UNKNOWN, state=State.UP)
    return [JudgedRegion(r, r, ("s",), up if r in serving else down, {}) for r in REGIONS]


def every_set(pins: dict[str, set[str]]) -> dict[frozenset[str], frozenset[str]]:
    """What each set of pins leaves, slowly; the empty one all."""
    names = list(pins)
    sets = chain.from_iterable(combinations(names, n) for n in range(len(names) + 1))
    return {
        frozenset(each): frozenset(REGIONS).intersection(*(pins[name] for name in each))
        for each in sets
    }


@given(pinned)
def test_each_fence_is_what_its_pins_leave_and_none_of_them_is_idle(
    pins: dict[str, set[str]],
) -> None:
    left = every_set(pins)
    found = fences(config(pins))
    assert [each.pins for each in found][: len(pins) + 1] == [(), *((name,) for name in pins)]
    for each in found:
        assert frozenset(each.regions) == left[frozenset(each.pins)]
        if len(each.pins) > 1:
            fewer = [left[frozenset(each.pins) - {name}] for name in each.pins]
            assert all(more > frozenset(each.regions) for more in fewer)
    several = [each.regions for each in found if len(each.pins) > 1]
    assert len(set(several)) == len(several)


@given(pinned, st.sets(st.sampled_from(REGIONS)), st.sets(st.sampled_from(REGIONS)))
def test_some_fence_is_emptied_exactly_where_some_set_of_pins_loses_its_last_region(
    pins: dict[str, set[str]], before: set[str], gone: set[str]
) -> None:
    after = before - gone
    loses = {
        names
        for names, regions in every_set(pins).items()
        if regions & before and not regions & after
    }
    found = emptied(fences(config(pins)), judged(before), judged(after))
    assert bool(found) == bool(loses)
    assert {frozenset(each.pins) for each in found} <= loses
    # No pin that is emptied alone is passed over.
    assert {names for names in loses if len(names) < 2} <= {frozenset(each.pins) for each in found}


@pytest.mark.parametrize(
    ("pins", "lines"),
    [
        (
            {"eu": "ab", "uk": "bc"},
            ["s, pins eu and uk: one region (b): no failover within this fence"],
        ),
        ({"eu": "a", "us": "b"}, ["s, pins eu and us: no region: these clients get no address"]),
        ({"eu": "ab", "all": "abcd"}, []),  # what eu allows
        ({"eu": "ab", "eea": "ab"}, []),
        (
            {"x": "abc", "y": "abd", "z": "acd"},
            [
                "s, pins x and y and z: one region (a): no failover within this fence",
                "s, pins x and y: 1 of 2 regions may fail",
                "s, pins x and z: 1 of 2 regions may fail",
                "s, pins y and z: 1 of 2 regions may fail",
            ],
        ),
    ],
)
def test_what_several_pins_leave_is_described(pins: dict[str, str], lines: list[str]) -> None:
    made = fences(config({name: set(regions) for name, regions in pins.items()}))
    assert [describe(each) for each in made if len(each.pins) > 1] == lines


def test_pins_of_other_services_meet_nothing() -> None:
    one = config({"eu": {"a", "b"}, "uk": {"b", "c"}}, services=["other"])
    assert [each.pins for each in fences(one)] == [()]


def test_a_fence_is_named_in_words() -> None:
    assert str(FenceSize("chat", (), (), 0)) == "service chat"
    assert str(FenceSize("chat", ("eu",), (), 0)) == "service chat under pin eu"
    assert str(FenceSize("chat", ("eu", "uk"), (), 0)) == "service chat under pins eu and uk"
