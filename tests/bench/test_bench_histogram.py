"""Quantiles of pooled turns are those of all their answers together."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from bench.native.histogram import (
    LOST_NS,
    Histogram,
    interval,
    middle_us,
    pooled,
    quantile_us,
    ratio,
    read,
)

LATENCIES = st.lists(st.integers(1, 10**9), min_size=1, max_size=50)
SHARES = st.sampled_from((0.5, 0.99, 0.999))


@given(st.lists(LATENCIES, min_size=1, max_size=5), SHARES)
def test_a_quantile_of_all_turns_is_that_of_all_answers(
    turns: list[list[int]], share: float
) -> None:
    """The oracle sorts every answer there was."""
    answers = sorted(latency for turn in turns for latency in turn)
    expected = answers[max(0, math.ceil(share * len(answers)) - 1)] / 1e3
    found = quantile_us(pooled(Histogram(turn) for turn in turns), share)
    assert found == expected


def test_a_turn_with_more_answers_counts_for_more() -> None:
    short, long = read([[1000, 1]]), read([[5000, 999]])
    assert quantile_us(pooled([short, long]), 0.5) == 5.0


def test_what_is_lost_is_later_than_every_answer() -> None:
    """A server that drops what would wait for long is not the faster for it."""
    dropping, keeping = read([[1000, 980]], lost=20), read([[1000, 980], [9000, 20]])
    assert quantile_us(dropping, 0.98) == quantile_us(keeping, 0.98) == 1.0
    assert quantile_us(keeping, 0.99) == 9.0
    assert quantile_us(dropping, 0.99) == LOST_NS / 1e3
    assert read([[1000, 980]]) == read([[1000, 980]], lost=0)


def test_the_interval_holds_the_ratio_and_is_no_wider_than_chance() -> None:
    steady = [read([[1000, 990], [4000, 10]])] * 10
    twice = [read([[2000, 990], [8000, 10]])] * 10
    assert ratio(twice, steady, 0.99) == 2.0
    assert interval(twice, steady, 0.99) == (2.0, 2.0)


def test_rounds_that_differ_make_the_interval_wide() -> None:
    steady = [read([[1000, 1000]])] * 10
    restless = [read([[1000, 1000]])] * 5 + [read([[9000, 1000]])] * 5
    low, high = interval(restless, steady, 0.5)
    assert (low, high) == (1.0, 9.0)


def test_a_few_late_turns_are_those_of_all_together_and_not_of_the_middle_one() -> None:
    quiet, stalled = read([[1000, 1000]]), read([[1000, 900], [9000, 100]])
    turns = [quiet] * 4 + [stalled]
    assert quantile_us(pooled(turns), 0.99) == 9.0
    assert middle_us(turns, 0.99) == 1.0
    assert middle_us([quiet, stalled], 0.99) == 5.0


def test_nothing_answered_has_no_quantile() -> None:
    assert quantile_us(Histogram(), 0.99) == 0.0
