"""Tasks end though what they wait with has lost that they were cancelled."""

from __future__ import annotations

import asyncio

import pytest

from resolverd.fleet.cancelling import end, end_if_cancelled


async def _deaf(times: int) -> None:
    """Lose the cancellation so many times, as `wait_for` does."""
    for _ in range(times):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            continue
    await asyncio.sleep(60)


@pytest.mark.parametrize("times", [0, 1, 3])
async def test_a_task_that_loses_its_cancellation_ends_all_the_same(times: int) -> None:
    task = asyncio.create_task(_deaf(times))
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        assert await end([task]) == []
    assert task.cancelled()


async def test_what_a_task_raised_is_told() -> None:
    async def fails() -> None:
        raise ValueError("no")

    task = asyncio.create_task(fails())
    await asyncio.sleep(0)
    assert [str(error) for error in await end([task])] == ["no"]


async def test_a_task_learns_that_it_was_cancelled_before() -> None:
    async def goes_on() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            end_if_cancelled()
            raise AssertionError("it was not told") from None

    task = asyncio.create_task(goes_on())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    end_if_cancelled()
