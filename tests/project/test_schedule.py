"""Which worker has which file of tests: those that wait, and those that compute, side by side."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness.schedule import BOXED, COMPUTING, WAITING, next_file, waits, workers

ROOT = Path(__file__).parents[2]
SLOW, SLOWER = WAITING[0], WAITING[1]
PLAIN, OTHER = "tests/a.py", "tests/b.py"


@pytest.mark.parametrize("place", [BOXED, *WAITING, *COMPUTING])
def test_what_is_named_as_slow_is_there(place: str) -> None:
    assert (ROOT / place).exists()


@pytest.mark.parametrize(
    ("left", "waiting", "then"),
    [
        ([SLOW, SLOWER, PLAIN, OTHER], 0, SLOW),
        ([SLOWER, PLAIN, OTHER], 1, SLOWER),
        ([SLOWER, PLAIN, OTHER], 2, PLAIN),  # as many wait as are to
        ([PLAIN, OTHER], 0, PLAIN),  # none is left that waits
        ([SLOW, SLOWER], 2, SLOW),  # only such are left
    ],
)
def test_as_many_workers_as_are_to_are_in_files_that_wait(
    left: list[str], waiting: int, then: str
) -> None:
    assert next_file(left, waiting, 2) == then


def test_files_that_need_a_booted_systemd_wait() -> None:
    assert waits(BOXED)


@pytest.mark.parametrize(("cores", "most"), [(1, 3), (2, 6), (4, 8), (32, 36)])
def test_there_are_more_workers_than_cores(cores: int, most: int) -> None:
    assert workers(cores) == most
