"""Probes begin together on the grid, and never outside of their windows."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.health.grid import Grid

RATES = st.floats(0.0, 100_000.0)


@given(RATES, st.floats(0.0, 1e6), st.floats(0.0, 100.0), st.floats(0.0, 1.0))
def test_a_moment_is_in_its_window(rate: float, earliest: float, wide: float, share: float) -> None:
    when = Grid(rate).within(earliest, earliest + wide, share)
    assert earliest <= when <= earliest + wide


@given(RATES, st.floats(0.0, 1e6), st.floats(0.2, 100.0), st.floats(0.0, 1.0))
def test_a_moment_of_a_wide_window_is_on_the_grid(
    rate: float, earliest: float, wide: float, share: float
) -> None:
    grid = Grid(rate)
    steps = grid.within(earliest, earliest + wide, share) / grid.spacing
    assert abs(steps - round(steps)) < 1e-4


def test_as_many_begin_together_as_pay_and_no_more() -> None:
    begin_together = {rate: rate * Grid(rate).spacing for rate in (10.0, 1000.0, 2000.0, 5000.0)}
    assert begin_together == {10.0: 0.5, 1000.0: 50.0, 2000.0: 50.0, 5000.0: 50.0}


@pytest.mark.parametrize(
    ("rate", "wide", "apart"),
    [
        (200.0, 0.5, 0.2),
        (200.0, 0.3, 0.1),
        (200.0, 0.1, 0.05),
        (20.0, 9.0, 0.4),
        (1000.0, 9.0, 0.05),
    ],
)
def test_few_probes_meet_at_fewer_moments_where_their_windows_are_wide(
    rate: float, wide: float, apart: float
) -> None:
    """Never so few that a window has but one of them, for that would draw targets together."""
    grid = Grid(rate)
    moments = sorted({round(grid.within(7.0, 7.0 + wide, n / 500), 6) for n in range(501)})
    assert len(moments) >= 2
    assert {round(b - a, 6) for a, b in itertools.pairwise(moments)} == {apart}
    assert all(
        abs(moment / grid.spacing - round(moment / grid.spacing)) < 1e-4 for moment in moments
    )


@given(st.lists(st.floats(0.0, 1.0), min_size=200, max_size=200))
def test_a_window_is_used_from_end_to_end(shares: list[float]) -> None:
    grid = Grid(1000.0)
    moments = {grid.within(7.3, 8.3, share) for share in [*shares, 0.0, 1.0]}
    assert min(moments) < 7.3 + 2 * grid.spacing
    assert max(moments) > 8.3 - 2 * grid.spacing
