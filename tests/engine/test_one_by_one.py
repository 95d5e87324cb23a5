"""An engine's work in threads: what nobody waits for any more ends before the next begins."""

from __future__ import annotations

import asyncio
import threading

import pytest

from resolverd.engine.one_by_one import OneByOne


async def test_what_was_cancelled_ends_before_the_next_begins() -> None:
    one_by_one, begun, go_on = OneByOne(), threading.Event(), threading.Event()
    ended: list[str] = []

    def first() -> None:
        begun.set()
        go_on.wait()
        ended.append("first")

    def second() -> str:
        ended.append("second")
        return "its own"

    given_up = asyncio.create_task(one_by_one.run(lambda: asyncio.to_thread(first)))
    await asyncio.to_thread(begun.wait)
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    after = asyncio.create_task(one_by_one.run(lambda: asyncio.to_thread(second)))
    await asyncio.to_thread(go_on.set)
    assert await after == "its own"
    assert ended == ["first", "second"]


async def test_what_was_cancelled_before_its_turn_never_begins() -> None:
    one_by_one, go_on = OneByOne(), asyncio.Event()
    began: list[str] = []

    async def noted() -> None:
        began.append("waited")

    first = asyncio.create_task(one_by_one.run(go_on.wait))
    waiting = asyncio.create_task(one_by_one.run(noted))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    go_on.set()
    assert await first
    assert not began


async def test_what_it_raises_is_the_callers_and_stops_nothing_after() -> None:
    async def fails() -> None:
        raise OSError("it is gone")

    async def works() -> int:
        return 1

    one_by_one = OneByOne()
    with pytest.raises(OSError, match="gone"):
        await one_by_one.run(fails)
    assert await one_by_one.run(works) == 1
