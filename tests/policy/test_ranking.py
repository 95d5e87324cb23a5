"""Orders of preference: nearest, failover, and the shares of weighted."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.dns.prefix import Prefix, parse_prefix
from resolverd.policy.ranking import failover, mix_block, nearest, region_seed, weighted

REGIONS = ("a", "b", "c")
BLOCKS = [parse_prefix(f"10.{n >> 8}.{n & 255}.0/24") for n in range(6000)]

blocks_of_either_family = st.one_of(
    st.builds(
        lambda a, n: Prefix(32, a, 32).widened(n), st.integers(0, 2**32 - 1), st.integers(8, 32)
    ),
    st.builds(
        lambda a, n: Prefix(128, a, 128).widened(n), st.integers(0, 2**128 - 1), st.integers(16, 64)
    ),
)


def test_nearest_orders_by_distance_and_keeps_the_files_order_on_a_tie() -> None:
    assert nearest(REGIONS, {"a": 5.0, "b": 1.0, "c": 5.0}) == ("b", "a", "c")


def test_failover_keeps_the_files_order() -> None:
    assert failover(REGIONS) == REGIONS


@pytest.mark.parametrize("weights", [{"a": 1, "b": 1, "c": 1}, {"a": 6, "b": 3, "c": 1}])
def test_blocks_fall_to_regions_in_proportion_to_their_weights(weights: dict[str, int]) -> None:
    firsts = Counter(weighted(REGIONS, weights, block)[0] for block in BLOCKS)
    for region, weight in weights.items():
        share = weight / sum(weights.values())
        assert abs(firsts[region] / len(BLOCKS) - share) < 0.03


def test_weight_zero_is_a_last_resort() -> None:
    weights = {"a": 0, "b": 1, "c": 1}
    assert all(weighted(REGIONS, weights, block)[-1] == "a" for block in BLOCKS[:500])


@given(blocks_of_either_family, st.integers(1, 9), st.integers(1, 9))
def test_a_changed_weight_moves_blocks_only_from_or_to_that_region(
    block: Prefix, before: int, after: int
) -> None:
    rest = {"b": 3, "c": 2}
    old = weighted(REGIONS, {"a": before, **rest}, block)
    new = weighted(REGIONS, {"a": after, **rest}, block)
    assert [r for r in old if r != "a"] == [r for r in new if r != "a"]
    if old[0] != new[0]:
        assert "a" in (old[0], new[0])


def test_without_one_region_the_others_keep_their_order() -> None:
    """A region that leaves moves only its own blocks."""
    for block in BLOCKS[:500]:
        whole = weighted(REGIONS, {}, block)
        assert weighted(("a", "c"), {}, block) == tuple(r for r in whole if r != "b")


@pytest.mark.parametrize("family", ["10.{0}.{1}.0/24", "2001:db8:{0:x}{1:02x}::/48"])
def test_neighbouring_blocks_of_either_family_share_out_evenly(family: str) -> None:
    blocks = [parse_prefix(family.format(n >> 8, n & 255)) for n in range(6000)]
    firsts = Counter(weighted(REGIONS, {}, block)[0] for block in blocks)
    assert all(abs(firsts[region] / len(blocks) - 1 / 3) < 0.03 for region in REGIONS)


def test_the_draws_are_those_of_any_earlier_release() -> None:
    """Another hash would move every client of a weighted service at an upgrade."""
    assert region_seed("a") == 0x40F89E395B66422F
    assert mix_block(parse_prefix("10.0.0.0/24")) == 0x86E25A2F57E7F8FE
    assert mix_block(parse_prefix("2001:db8::/48")) == 0xFB7AEF38012A8260


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"a": 1, "b": 1, "c": 1}, {"a": 2, "b": 1, "c": 1}),  # one weight: the least there is
        ({"a": 3, "b": 1, "c": 1}, {"a": 1, "b": 3, "c": 1}),
        ({"a": 1, "b": 1, "c": 1}, {"a": 2, "b": 1, "c": 3}),
        ({"a": 1, "b": 1, "c": 8}, {"a": 2, "b": 0, "c": 8}),  # two small ones: nearly twice it
        ({"a": 1, "b": 2, "c": 3}, {"a": 2, "b": 4, "c": 6}),  # the same shares: nobody
    ],
)
def test_changed_weights_move_less_than_twice_the_change_of_the_shares(
    before: dict[str, int], after: dict[str, int]
) -> None:
    """Moved is 1 - J_P, which lies between d and 2d/(1+d) (Moulton and Jiang 2018)."""
    old, new = (
        {r: weight / sum(weights.values()) for r, weight in weights.items()}
        for weights in (before, after)
    )
    difference = sum(abs(old[r] - new[r]) for r in REGIONS) / 2
    stay = sum(
        1 / sum(max(old[k] / old[r], new[k] / new[r]) for k in REGIONS)
        for r in REGIONS
        if old[r] and new[r]
    )
    firsts = [
        (weighted(REGIONS, before, block)[0], weighted(REGIONS, after, block)[0])
        for block in BLOCKS
    ]
    moved = sum(was != now for was, now in firsts) / len(BLOCKS)
    assert abs(moved - (1 - stay)) < 0.02
    assert difference - 1e-9 <= 1 - stay + 1e-9 <= 2 * difference / (1 + difference) + 2e-9
    if sum(before[r] != after[r] for r in REGIONS) == 1:
        assert abs(1 - stay - difference) < 1e-9
