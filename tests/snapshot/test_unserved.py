"""Fences without a region that serves, against every fence and region one by one; and the words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.config.fences import FenceSize
from resolverd.health.overrides import Override, OverrideKind
from resolverd.health.verdict import UNKNOWN, State
from resolverd.snapshot.model import JudgedRegion
from resolverd.snapshot.unserved import Outages, not_serving, unserved, widest, withdrawn

OVERRIDE = Override(OverrideKind.DRAIN, "ann", "a new kernel", 0.0)
REGIONS = ("us-east", "us-west", "eu-west", "ap-northeast", "sa-east")


def site(region: str, services: tuple[str, ...], *, serves: bool) -> JudgedRegion:
    """A region as `services` see it."""
    verdict = replace(UNKNOWN, state=State.UP if serves else State.DOWN)
    return JudgedRegion(f"{region}@{services[0]}", region, services, verdict, {})


def fence(service: str, pin: str, *regions: str) -> FenceSize:
    """One fence."""
    return FenceSize(service, (pin,) if pin else (), regions, max(0, len(regions) - 1))


def words(fences: Sequence[FenceSize], regions: Sequence[JudgedRegion]) -> str:
    """What is said to be down where nothing is known of before."""
    return Outages().updated(fences, regions).down


fences = st.builds(
    lambda service, pin, regions: fence(service, pin, *sorted(regions)),
    st.sampled_from(["chat", "embed"]),
    st.sampled_from(["", "eu"]),
    st.sets(st.sampled_from(REGIONS)),
)
sites = st.lists(
    st.builds(
        lambda region, services, serves: site(region, services, serves=serves),
        st.sampled_from(REGIONS),
        st.sampled_from([("chat",), ("embed",), ("chat", "embed")]),
        st.booleans(),
    )
)


@given(st.lists(fences), sites)
def test_a_fence_is_unserved_where_none_of_its_regions_serves_its_service(
    wanted: list[FenceSize], judged: list[JudgedRegion]
) -> None:
    slowly = []
    for each in wanted:
        serving = 0
        for region in judged:
            if region.region in each.regions and each.service in region.services:
                serving += region.verdict.serves
        if each.regions and not serving:
            slowly.append(each)
    assert unserved(wanted, judged) == slowly


BOTH = ("chat", "embed")


@pytest.mark.parametrize(
    ("down", "wanted", "expected"),
    [
        ([], [fence("chat", "", "us-east")], ""),
        (["us-east"], [fence("chat", "", "us-east", "eu-west")], "down: us-east"),
        (
            ["eu-west"],
            [fence("chat", "", "us-east", "eu-west"), fence("chat", "eu", "eu-west")],
            "chat (pin eu) has no region; down: eu-west",
        ),
        (
            REGIONS,
            [fence("chat", "", *REGIONS), fence("embed", "", *REGIONS)],
            "chat, embed have no region; down: us-east, us-west, eu-west and 2 more",
        ),
    ],
)
def test_what_is_down_is_said_in_few_words(
    down: list[str], wanted: list[FenceSize], expected: str
) -> None:
    judged = [site(region, BOTH, serves=region not in down) for region in REGIONS]
    assert words(wanted, judged) == expected


def test_a_region_that_is_down_for_some_services_alone_has_them_named() -> None:
    judged = [site("us-east", ("chat",), serves=True), site("us-east", ("embed",), serves=False)]
    assert words([], judged) == "down: us-east (embed)"


def test_the_pins_of_a_service_without_a_region_are_not_named_beside_it() -> None:
    wanted = [
        fence("chat", "", "us-east"),
        fence("chat", "eu", "us-east"),
        fence("embed", "eu", "us-east"),
    ]
    assert widest(wanted) == [wanted[0], wanted[2]]
    judged = [site("us-east", BOTH, serves=False)]
    assert words(wanted, judged).startswith("chat, embed (pin eu) have no region; ")


def test_what_somebody_wants_to_be_away_is_not_down_but_may_leave_a_service_without() -> None:
    away = site("us-east", ("chat",), serves=False)
    drain = replace(away.verdict, override=OVERRIDE)
    by_region = away._replace(verdict=drain)
    by_endpoints = away._replace(endpoints={"us-east-1": drain})
    half = away._replace(endpoints={"us-east-1": drain, "us-east-2": away.verdict})
    wanted = [fence("chat", "", "us-east")]
    for drained in (by_region, by_endpoints):
        assert withdrawn(drained)
        assert words(wanted, [drained]) == "chat has no region (us-east: drain by ann)"
    for dead in (away, half):
        assert not withdrawn(dead)
        assert words(wanted, [dead]) == "chat has no region; down: us-east"


@given(st.lists(fences), sites, sites)
def test_as_long_as_regions_stand_the_same_so_do_the_words(
    wanted: list[FenceSize], before: list[JudgedRegion], after: list[JudgedRegion]
) -> None:
    """Of the sites of one Plan, which differ in their verdicts alone."""
    same = [known._replace(verdict=new.verdict) for known, new in zip(before, after, strict=False)]
    first = before[: len(same)]
    if not_serving(first) == not_serving(same):
        assert words(wanted, first) == words(wanted, same)
        assert unserved(wanted, first) == unserved(wanted, same)
        outages = Outages().updated(wanted, first)
        assert outages.updated(wanted, same) is outages


@given(st.lists(fences), st.lists(fences), sites, sites)
def test_outages_are_those_of_the_last_steering_whatever_came_before(
    earlier: list[FenceSize],
    wanted: list[FenceSize],
    before: list[JudgedRegion],
    after: list[JudgedRegion],
) -> None:
    """`earlier` is the configuration before an edit."""
    outages = Outages().updated(earlier, before).updated(wanted, after)
    assert outages.fences is wanted
    assert list(outages.unserved) == unserved(wanted, after)
    assert outages.down == words(wanted, after)
