"""A measured time moves its own region, and the others by what lines share."""

from __future__ import annotations

import pytest

from resolverd.rtt.blend import blended


@pytest.mark.parametrize(
    ("row", "times"),
    [
        ([], [10.0, 20.0]),
        ([(0, 40.0, 0.5)], [32.5, 35.0]),  # half of the 30 ms more may be the line's
        ([(0, 40.0, 1.0), (1, 50.0, 1.0)], [40.0, 50.0]),
        ([(1, 2.0, 1.0)], [5.0, 2.0]),  # at least half of what is expected is left
    ],
)
def test_a_row_is_laid_over_what_is_expected(
    row: list[tuple[int, float, float]], times: list[float]
) -> None:
    assert blended([10.0, 20.0], row) == pytest.approx(times)


def test_no_line_is_better_than_the_usual_one_by_more_than_10_ms() -> None:
    assert blended([100.0, 120.0], [(1, 2.0, 1.0)]) == pytest.approx([90.0, 2.0])


@pytest.mark.parametrize("expected", [[3.0, 90.0, 8.0], [1.0, 5.0, 1.0], [0.5, 400.0, 30.0]])
@pytest.mark.parametrize("confidence", [0.01, 0.5, 1.0])
def test_no_time_is_negative_and_what_was_not_measured_keeps_its_order(
    expected: list[float], confidence: float
) -> None:
    times = blended(expected, [(1, 0.1, confidence)])
    assert min(times) > 0
    assert (times[0] < times[2]) == (expected[0] < expected[2])
