"""Work one by one: what nobody waits for any more ends before the next begins."""

from __future__ import annotations

import asyncio
import threading

import pytest

from resolverd.uncancelled import OneByOne, Shared


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


async def test_those_who_ask_meanwhile_share_what_comes_of_it() -> None:
    """A check of the engine: also where who began it waits no more; later it is done anew."""
    shared, go_on, done = Shared(), asyncio.Event(), list[int]()

    async def work() -> int:
        await go_on.wait()
        done.append(len(done))
        return done[-1]

    first, *others = (asyncio.create_task(shared.run(work)) for _ in range(4))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    go_on.set()
    assert await asyncio.gather(*others) == [0, 0, 0]
    assert await shared.run(work) == 1


async def test_what_is_shared_fails_for_each_and_is_done_anew() -> None:
    async def fails() -> None:
        raise OSError("it is gone")

    async def works() -> int:
        return 1

    shared = Shared()
    failed = await asyncio.gather(*(shared.run(fails) for _ in range(3)), return_exceptions=True)
    assert [str(error) for error in failed] == ["it is gone"] * 3
    assert await shared.run(works) == 1
