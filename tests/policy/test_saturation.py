"""How full a replica is: the measures, and the mean of samples."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.policy.saturation import Smoothed, Targets, saturation_of, smooth


@pytest.mark.parametrize(
    ("waiting", "kv_usage", "full", "expected"),
    [
        pytest.param(0, 0, False, 0, id="idle"),
        pytest.param(5, 0, False, 1, id="queue at its target"),
        pytest.param(0, 0.8, False, 1, id="cache at its target"),
        pytest.param(2, 0.8, False, 1, id="the fuller of the two"),
        pytest.param(20, 0.4, False, 4, id="overfull"),
        pytest.param(None, 0.4, False, 0.5, id="queue not told"),
        pytest.param(5, None, False, 1, id="cache not told"),
        pytest.param(None, None, False, None, id="unknown is not zero"),
        pytest.param(math.nan, math.nan, False, None, id="not a number is unknown"),
        pytest.param(None, None, True, 1, id="turned away"),
        pytest.param(0, 0, True, 1, id="turned away though it looks idle"),
        pytest.param(10, 0, True, 2, id="turned away and overfull"),
    ],
)
def test_a_replica_is_as_full_as_its_larger_measure(
    waiting: float | None, kv_usage: float | None, full: bool, expected: float | None
) -> None:
    assert saturation_of(waiting, kv_usage, Targets(), full=full) == expected


def test_what_counts_as_full_is_given_by_targets() -> None:
    assert saturation_of(5, 0.5, Targets(queue=10, kv=0.5)) == 1.0


@given(st.lists(st.floats(0, 10), min_size=1, max_size=20), st.floats(0.01, 1))
def test_the_mean_is_that_of_all_samples_each_weighing_less_than_the_next(
    samples: list[float], weight: float
) -> None:
    smoothed: Smoothed | None = None
    for at, sample in enumerate(samples):
        smoothed = smooth(smoothed, sample, float(at), weight)
    ages = range(len(samples) - 1, -1, -1)
    weights = [(1 - weight) ** age * (weight if age < len(samples) - 1 else 1) for age in ages]
    mean = sum(w * sample for w, sample in zip(weights, samples, strict=True))
    assert smoothed is not None
    assert smoothed.value == pytest.approx(mean, abs=1e-6)
    assert smoothed.latest == samples[-1]


def test_one_sample_counts_once_however_often_it_is_looked_at() -> None:
    first = smooth(smooth(None, 0.0, 1.0, 0.3), 1.0, 2.0, 0.3)
    assert first.value == pytest.approx(0.3)
    assert smooth(first, 1.0, 2.0, 0.3) == first
