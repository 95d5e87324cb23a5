"""The watchdog tells that all is well only while every proof comes out well, and in time."""

from __future__ import annotations

import asyncio

import pytest

from resolverd.errors import EngineError
from resolverd.watchdog import Proof, Watchdog

INTERVAL = 0.2


class Beats:
    """Counts them."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


async def _sound() -> str:
    return ""


async def _faulty() -> str:
    return "no probe of a-1 when it was due"


async def _failing() -> str:
    raise EngineError("no answer")


async def _defective() -> str:
    raise ZeroDivisionError("a defect")


async def _hanging() -> str:
    await asyncio.Event().wait()
    return ""


@pytest.mark.parametrize(
    ("proof", "expected"),
    [
        (_faulty, "no probe of a-1"),
        (_failing, "no answer"),
        (_defective, "a defect"),
        (_hanging, "no answer within"),
    ],
)
async def test_one_bad_proof_among_good_ones_withholds_the_beat(
    proof: Proof, expected: str
) -> None:
    beats = Beats()
    dog = Watchdog(INTERVAL, {"good": _sound, "bad": proof}, beats)
    await dog.ask()
    assert beats.count == 0
    assert expected in dog.faults["bad"]
    assert "good" not in dog.faults


async def test_it_beats_again_once_what_hung_has_ended_and_did_not_ask_twice() -> None:
    beats, asked, free = Beats(), Beats(), asyncio.Event()

    async def slow() -> str:
        asked()
        await free.wait()
        return ""

    dog = Watchdog(INTERVAL, {"slow": slow}, beats)
    await dog.ask()
    await dog.ask()
    assert (asked.count, beats.count) == (1, 0)
    free.set()
    await dog.ask()
    await dog.ask()
    assert (asked.count, beats.count, dog.faults) == (2, 2, {})


async def test_the_longest_time_between_two_beats_is_half_the_interval() -> None:
    dog = Watchdog(INTERVAL, {"good": _sound}, Beats())
    assert dog.pause + dog.timeout <= INTERVAL / 2


async def test_it_beats_until_it_is_cancelled() -> None:
    beats, third = Beats(), asyncio.Event()

    def beat() -> None:
        beats()
        if beats.count == 3:
            third.set()

    running = asyncio.create_task(Watchdog(INTERVAL, {"good": _sound}, beat).run())
    async with asyncio.timeout(10):
        await third.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
