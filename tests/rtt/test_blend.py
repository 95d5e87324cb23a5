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
        ([(1, 2.0, 1.0)], [0.0, 2.0]),  # no line is better than the usual one by more than 10 ms
    ],
)
def test_a_row_is_laid_over_what_is_expected(
    row: list[tuple[int, float, float]], times: list[float]
) -> None:
    assert blended([10.0, 20.0], row) == pytest.approx(times)
