"""Orders of preference: nearest, failover, and the shares of weighted."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.policy.ranking import failover, nearest, weighted

REGIONS = ("a", "b", "c")
BLOCKS = [f"10.{n >> 8}.{n & 255}.0/24".encode() for n in range(6000)]


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


@given(st.binary(min_size=1, max_size=20), st.integers(1, 9), st.integers(1, 9))
def test_a_changed_weight_moves_blocks_only_from_or_to_that_region(
    block: bytes, before: int, after: int
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
