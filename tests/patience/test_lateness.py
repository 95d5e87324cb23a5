"""How late this host is in all, and that a probe of many steps is given all of it again."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.patience.lateness import Lateness
from resolverd.patience.steps import Patience
from resolverd.patience.timeout import PatientTimeout

# How long before each look it was due, and how long after the last it was; hundredths of seconds.
LOOKS = st.lists(st.tuples(st.sampled_from([0, 1, 3, 10, 25, 60]), st.integers(0, 40)), max_size=30)


@given(LOOKS)
def test_time_in_which_something_was_due_is_counted_once(looks: list[tuple[int, int]]) -> None:
    lateness, now, late = Lateness(), 0, set[int]()
    seen = -1000
    for before, gap in looks:
        now += gap
        lateness.note((now - before) / 100, now / 100)
        late |= {*range(max(now - before, seen), now)} if before > 2 else set()
        seen = now
        assert lateness.total == pytest.approx(len(late) / 100)


def test_looks_that_overlap_are_late_by_the_time_that_they_cover() -> None:
    lateness = Lateness()
    for due, now in [(1.0, 1.5), (1.1, 1.5), (1.4, 1.6), (2.0, 2.01), (3.0, 3.1)]:
        lateness.note(due, now)
    assert lateness.total == pytest.approx(0.5 + 0.1 + 0.1)


def test_what_others_saw_is_given_again_up_to_three_times_what_it_may_take() -> None:
    lateness = Lateness()
    patience = Patience(0.0, 4.0, lateness)
    lateness.note(0.1, 0.9)
    assert patience.goes_on(1.0)
    assert patience.late == pytest.approx(0.8)
    lateness.total += 1000.0
    assert patience.goes_on(patience.due)
    assert patience.late == pytest.approx(12.0)
    while patience.goes_on(patience.due):
        continue
    assert patience.due == pytest.approx(16.0)


async def test_many_steps_that_are_each_a_little_late_do_not_time_out() -> None:
    """Each turn of the loop is held for so long that no look at the deadline sees it all."""
    steps = 0

    async def others() -> None:
        while True:
            time.sleep(0.05)  # noqa: ASYNC251 - that is the fault
            await asyncio.sleep(0)

    async def waiting() -> None:
        while True:
            with suppress(TimeoutError):
                async with PatientTimeout(asyncio.get_running_loop().time() + 0.1):
                    await asyncio.sleep(60)

    busy = [asyncio.create_task(others()), *(asyncio.create_task(waiting()) for _ in range(20))]
    async with PatientTimeout(asyncio.get_running_loop().time() + 1.0):
        for _ in range(16):
            await asyncio.sleep(0.001)
            steps += 1
    for task in busy:
        task.cancel()
    await asyncio.gather(*busy, return_exceptions=True)
    assert steps == 16
