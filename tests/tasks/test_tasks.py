"""A task that fails is begun again, with longer and longer pauses, and bounded words about it."""

from __future__ import annotations

import asyncio
import errno

import pytest
from harness.waiting import until_holds
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from resolverd import restarts
from resolverd.restarts import MANY, MAX_PAUSE, MIN_PAUSE, STEADY, Restarts
from resolverd.tasks import Tasks

TIMEOUT = 20.0


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)), max_size=40))
def test_pauses_double_with_failures_in_a_row_and_stay_bounded(
    runs: list[tuple[int, int]],
) -> None:
    """Each run lasts so long and is followed by a gap; a slow count is the oracle."""
    known, now, in_row = Restarts(), 0.0, 0
    for lasted, gap in runs:
        began, now = now, now + lasted
        known = known.failed(began, now, "x")
        in_row = 1 if lasted >= STEADY else in_row + 1
        pause = MIN_PAUSE
        for _ in range(in_row - 1):
            pause = min(MAX_PAUSE, pause * 2)
        assert (known.in_row, known.pause) == (in_row, pause)
        assert known.keeps_failing(now) is (in_row >= MANY)
        assert not known.keeps_failing(now + pause + STEADY)
        now += gap
    assert known.total == len(runs)


def test_a_row_of_the_same_failures_is_told_ever_more_rarely() -> None:
    known, logged = Restarts(), []
    for number in range(1, 1001):
        before, known = known, known.failed(0.0, 1.0, "the same")
        if known.is_news(before):
            logged.append(number)
    assert logged == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
    assert known.failed(0.0, 1.0, "another").is_news(known)


async def _eventually(condition: asyncio.Event) -> None:
    async with asyncio.timeout(TIMEOUT):
        await condition.wait()


async def test_a_task_that_fails_or_ends_is_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restarts, "MIN_PAUSE", 0.001)
    runs, well = 0, asyncio.Event()

    async def work() -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise OSError(errno.EMFILE, "no descriptor left")
        if runs == 2:
            return
        if runs == 3:
            raise asyncio.CancelledError  # of something that it waited for
        well.set()
        await asyncio.Event().wait()

    tasks = Tasks()
    with capture_logs() as events:
        tasks.keep("edits", work)
        await _eventually(well)
        await tasks.stop()
    failed = [event for event in events if event["event"] == "task.failed"]
    assert [event["failures"] for event in failed] == [1, 2, 3]
    assert "no descriptor left" in failed[0]["reason"]
    assert tasks.restarts()["edits"].total == 3
    assert tasks.failing(vital=False)
    assert not tasks.failing(vital=True)


async def test_a_task_that_runs_steadily_has_recovered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restarts, "MIN_PAUSE", 0.001)
    monkeypatch.setattr("resolverd.tasks.STEADY", 0.01)
    failures = [OSError("one"), OSError("two"), OSError("three")]

    async def work() -> None:
        if failures:
            raise failures.pop()
        await asyncio.Event().wait()

    tasks = Tasks()
    with capture_logs() as events:
        tasks.keep("load", work, vital=True)
        await until_holds(
            lambda: any(event["event"] == "task.recovered" for event in events), within=TIMEOUT
        )
        assert not tasks.failing(vital=True)
        await tasks.stop()


async def test_an_end_that_was_asked_for_is_no_failure() -> None:
    began = asyncio.Event()

    async def work() -> None:
        began.set()
        await asyncio.Event().wait()

    tasks = Tasks()
    with capture_logs() as events:
        tasks.keep("steering", work)
        await _eventually(began)
        await tasks.stop()
    assert not events
    assert tasks.restarts()["steering"] == Restarts()
