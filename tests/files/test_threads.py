"""Threads that hang are left behind: few of them, and whoever else waits goes on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest
from harness.waiting import until_holds

from resolverd.files.threads import FileThreads, HangingError, Step, detached

TIMEOUT = 30.0
"""The limit in seconds of what does not hang, on a busy machine too."""


class Gate:
    """Work that hangs at a path until the gate is opened."""

    def __init__(self) -> None:
        self.opened, self.entered = threading.Event(), threading.Event()

    def at(self, *paths: str) -> Callable[[Step], str]:
        def work(step: Step) -> str:
            for path in paths:
                step(path)
                self.entered.set()
                self.opened.wait()
            return paths[-1]

        return work


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.opened.set()


def _sound(path: str) -> Callable[[Step], str]:
    def work(step: Step) -> str:
        step(path)
        return path

    return work


def test_what_work_returns_and_raises_comes_back() -> None:
    threads = FileThreads()
    assert threads.run(lambda step: 7) == 7
    with pytest.raises(ZeroDivisionError):
        threads.run(lambda step: 1 // 0)


def test_slow_work_that_goes_on_is_waited_for() -> None:
    threads = FileThreads(limit=0.2)
    rest = threading.Event()

    def work(step: Step) -> str:
        for number in range(8):
            step(f"/slow/{number}")
            rest.wait(0.1)
        return "done"

    assert threads.run(work) == "done"


def test_threads_that_hang_do_not_pile_up(gate: Gate) -> None:
    threads = FileThreads(limit=0.02, max_hanging=3)
    before = threading.active_count()
    for number in range(20):
        with pytest.raises(HangingError):
            threads.run(gate.at(f"/{number}/f"))
    assert set(threads.hanging) == {"/0/f", "/1/f", "/2/f"}
    assert threading.active_count() <= before + 4
    with pytest.raises(HangingError, match="while 3 files do not answer"):
        threads.run(_sound("/other/f"))
    gate.opened.set()
    while threads.hanging:
        threading.Event().wait(0.01)
    threads.limit = TIMEOUT
    assert threads.run(_sound("/other/f")) == "/other/f"


def test_work_that_was_left_behind_touches_nothing_more(gate: Gate) -> None:
    threads = FileThreads(limit=0.02)
    touched = []

    def work(step: Step) -> None:
        step("/a/f")
        gate.opened.wait()
        step("/b/f")
        touched.append("/b/f")

    with pytest.raises(HangingError):
        threads.run(work)
    gate.opened.set()
    while threads.hanging:
        threading.Event().wait(0.01)
    assert touched == []


async def test_an_event_loop_goes_on_while_a_file_hangs(gate: Gate) -> None:
    threads = FileThreads(limit=0.05)
    turns = 0

    async def tick() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    ticking = asyncio.create_task(tick())
    with pytest.raises(HangingError) as error:
        await threads.call(gate.at("/a/f"))
    ticking.cancel()
    assert turns > 10
    assert error.value.filename == "/a/f"
    threads.limit = TIMEOUT
    assert await threads.call(_sound("/b/f")) == "/b/f"


async def test_a_cancelled_caller_leaves_the_thread_behind(gate: Gate) -> None:
    threads = FileThreads(limit=3600)
    await _cancelled(threads, gate)
    threads.limit = 0.0
    assert threads.hanging == ("/a/f",)
    with pytest.raises(HangingError):
        threads.run(_sound("/a/g"))


async def test_a_cancelled_caller_does_not_say_that_the_file_hangs(gate: Gate) -> None:
    """A stop, or an edit that is overtaken, cancels a look; the next read of it is in order."""
    threads = FileThreads(limit=3600, max_hanging=1)
    await _cancelled(threads, gate)
    assert threads.hanging == ()
    assert await threads.call(_sound("/a/f")) == "/a/f"
    assert threads.run(_sound("/b/f")) == "/b/f"


async def _cancelled(threads: FileThreads, gate: Gate) -> None:
    """Cancel a call while its work is at /a/f."""
    task = asyncio.create_task(threads.call(gate.at("/a/f")))
    await until_holds(gate.entered.is_set, within=TIMEOUT)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_detached_work_returns_raises_and_is_left(gate: Gate) -> None:
    assert await detached(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        await detached(lambda: 1 // 0)
    task = asyncio.create_task(detached(gate.opened.wait))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    ("hanging", "path", "refused"),
    [
        ("/a/b/f", "/a/b/f", True),
        ("/a/b/f", "/a/b/g", True),
        ("/a/b/f", "/a/b/", True),
        ("/a/b/", "/a/b/", True),
        ("/a/b/", "/a/b/f", True),
        ("/a/b/", "/a/f", False),
        ("/a/b/", "/a/", False),
        ("/a/b/f", "/a/f", False),
        ("/a/b/f", "/a/c/f", False),
    ],
)
def test_what_lies_in_the_directory_that_hangs_is_not_tried(
    gate: Gate, hanging: str, path: str, refused: bool
) -> None:
    threads = FileThreads(limit=0.2)  # within which the thread gets there, on a busy machine too
    with pytest.raises(HangingError):
        threads.run(gate.at(hanging))
    threads.limit = TIMEOUT
    if refused:
        with pytest.raises(HangingError, match="it is not tried"):
            threads.run(_sound(path))
    else:
        assert threads.run(_sound(path)) == path
