"""A deadline for others: time in which this host was late does not count."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from resolverd.patience.steps import Patience
from resolverd.patience.timeout import PatientTimeout

LATE = st.lists(st.floats(0.0, 3.0), max_size=20)


def looks(patience: Patience, late: list[float]) -> float:
    """When it is over, looked at each time so late, and in time after those; takes them off."""
    while True:
        now = patience.due + (late.pop(0) if late else 0.0)
        if not patience.goes_on(now):
            return now


@given(st.floats(0.0, 1e6), st.floats(0.001, 300.0))
def test_a_host_in_time_waits_just_so_long(began: float, within: float) -> None:
    assert looks(Patience(began, within), []) == pytest.approx(began + within)


@given(st.floats(0.01, 10.0), LATE)
@example(0.015625, [0.015625, 1.0])
def test_what_is_over_was_looked_at_for_as_long_as_it_may_take(
    within: float, late: list[float]
) -> None:
    """But for a host that is late again and again: after eight times that is held against it."""
    unused = list(late)
    over = looks(Patience(0.0, within), unused)
    used = late[: len(late) - len(unused)]
    given_again = [delay for delay in used if delay > 0.02 + 1e-6]
    assert within - 1e-9 <= over <= within + sum(used) + 1e-9
    if len(given_again) <= 8:
        assert over >= within + sum(given_again) - 1e-6


def test_time_that_is_given_again_is_given_once() -> None:
    patience = Patience(0.0, 4.0)
    assert patience.goes_on(1.5)
    assert patience.late == 0.5
    assert looks(patience, []) == pytest.approx(4.5)
    assert patience.late == 0.5


def test_one_that_is_extended_has_what_was_given_too() -> None:
    patience = Patience(0.0, 4.0)
    assert patience.goes_on(1.5)
    patience.extend(6.0)
    assert looks(patience, []) == pytest.approx(6.5)


async def test_a_timeout_ends_what_takes_too_long() -> None:
    with pytest.raises(TimeoutError):
        async with PatientTimeout(asyncio.get_running_loop().time() + 0.05) as timeout:
            await asyncio.sleep(60)
    assert timeout.expired()


async def test_a_loop_that_was_held_reads_what_came_meanwhile() -> None:
    """Also where the deadline passed unseen."""
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)
    late: list[float] = []
    async with PatientTimeout(asyncio.get_running_loop().time() + 0.1, late.append):
        theirs.send(b"in time\n")
        time.sleep(0.5)  # noqa: ASYNC251 - that is the fault
        assert await reader.readline() == b"in time\n"
        await asyncio.sleep(0.05)
    assert sum(late) >= 0.3
    writer.close()
    theirs.close()


def test_what_came_unseen_by_the_end_has_a_step_more_so_many_times() -> None:
    patience, now, steps = Patience(0.0, 4.0), 4.0, 0
    while patience.again(now):
        now, steps = patience.due, steps + 1
        assert not patience.goes_on(now)
    assert (steps, now, patience.late) == (8, 12.0, 8.0)
