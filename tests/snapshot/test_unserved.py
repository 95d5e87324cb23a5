"""Fences without a region that serves, against every fence and region one by one; and the words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.config.fences import FenceSize
from resolverd.health.verdict import UNKNOWN, State
from resolverd.snapshot.model import JudgedRegion
from resolverd.snapshot.unserved import unserved, what_is_down

REGIONS = ("us-east", "us-west", "eu-west", "ap-northeast", "sa-east")


def site(region: str, services: tuple[str, ...], *, serves: bool) -> JudgedRegion:
    """A region as `services` see it."""
    verdict = replace(UNKNOWN, state=State.UP if serves else State.DOWN)
    return JudgedRegion(f"{region}@{services[0]}", region, services, verdict, {})


def fence(service: str, pin: str, *regions: str) -> FenceSize:
    """One fence."""
    return FenceSize(service, (pin,) if pin else (), regions, max(0, len(regions) - 1))


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
    assert what_is_down(wanted, judged) == expected


def test_a_region_that_is_down_for_some_services_alone_has_them_named() -> None:
    judged = [site("us-east", ("chat",), serves=True), site("us-east", ("embed",), serves=False)]
    assert what_is_down([], judged) == "down: us-east (embed)"
