"""Long work lets others have the loop's turn, and ends as it would without."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator

import pytest

from resolverd.turns import SLICE, at_once, in_turns


def _counted(most: int, hold: float = 0.0) -> Generator[None, None, int]:
    total = 0
    for number in range(most):
        total += number
        until = time.monotonic() + hold
        while time.monotonic() < until:
            pass
        yield
    return total


async def test_the_value_is_that_of_the_steps() -> None:
    assert await in_turns(_counted(100)) == at_once(_counted(100)) == 4950


async def test_others_have_their_turn_after_each_slice() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await in_turns(_counted(8, hold=SLICE))
    counting.cancel()
    assert turns >= 8


async def test_what_is_short_takes_no_turn() -> None:
    turned = False

    def turn() -> None:
        nonlocal turned
        turned = True

    asyncio.get_running_loop().call_soon(turn)
    assert await in_turns(iter_nothing()) == 7
    assert not turned


async def test_a_defect_of_a_step_is_raised_and_a_cancellation_ends_the_steps() -> None:
    ended = []

    def wrong() -> Generator[None, None, None]:
        yield
        raise RuntimeError("wrong")

    def endless() -> Generator[None, None, None]:
        try:
            while True:
                yield
        finally:
            ended.append(True)

    with pytest.raises(RuntimeError, match="wrong"):
        await in_turns(wrong())
    task = asyncio.create_task(in_turns(endless()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == [True]


def iter_nothing() -> Generator[None, None, int]:
    """One step, of no time."""
    yield
    return 7
