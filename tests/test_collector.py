"""What lasts is out of the collector's way, and garbage of before is not kept by that."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
import time
import weakref
from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.collector import Freezer, next_pause, paused, thread_cpu


class Cyclic:
    """Of which only the collector can dispose."""

    def __init__(self) -> None:
        self.own = self


@pytest.fixture
def freezer() -> Iterator[Freezer]:
    made = Freezer()
    gc.unfreeze()
    yield made
    made.stop()
    assert gc.get_freeze_count() == 0


def test_what_a_full_collection_leaves_is_frozen_once(freezer: Freezer) -> None:
    freezer.start()
    gc.collect(1)
    assert gc.get_freeze_count() == 0
    gc.collect()
    frozen = gc.get_freeze_count()
    assert frozen > 1000
    kept = [Cyclic() for _ in range(100)]
    gc.collect()
    assert gc.get_freeze_count() <= frozen
    del kept


def test_garbage_of_what_was_frozen_goes_after_a_change_an_hour_later(freezer: Freezer) -> None:
    freezer.start()
    started = time.monotonic()
    served = Cyclic()
    gone = weakref.ref(served)
    gc.collect()
    del served
    gc.collect()
    assert gone() is not None
    freezer.changed(started + 60)  # however often files are edited: walking all takes long
    gc.collect()
    assert gone() is not None
    freezer.changed(started + 3601)
    gc.collect()
    assert gone() is None
    assert gc.get_freeze_count() > 1000


def test_one_that_was_not_started_touches_nothing(freezer: Freezer) -> None:
    freezer.changed(time.monotonic() + 3601)
    gc.collect()
    assert gc.get_freeze_count() == 0


def test_nothing_is_collected_while_much_is_made_and_what_was_made_is_frozen() -> None:
    gc.collect()
    before = gc.get_freeze_count(), gc.get_stats()[0]["collections"]
    with paused():
        assert not gc.isenabled()
        made = [[each] for each in range(60_000)]
        assert gc.get_stats()[0]["collections"] == before[1]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= before[0] + len(made)
    gc.unfreeze()


def test_a_pause_leaves_a_collector_that_was_off_alone() -> None:
    gc.disable()
    try:
        with paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_the_clock_of_who_is_charged_does_not_move_for_full_collections() -> None:
    began, own = time.thread_time(), thread_cpu()
    while time.thread_time() < began + 0.2:
        gc.collect()
    assert thread_cpu() - own < 0.1
    began, own = time.thread_time(), thread_cpu()
    while time.thread_time() < began + 0.02:
        gc.collect(1)
    assert thread_cpu() - own >= 0.02


def test_the_youngest_are_looked_at_less_often_while_something_is_served(freezer: Freezer) -> None:
    before = gc.get_threshold()
    freezer.start()
    assert gc.get_threshold()[0] > before[0]
    assert gc.get_threshold()[2] > 1000 * before[2]
    freezer.stop()
    assert gc.get_threshold() == before


async def _until_it_has_collected(generation: int) -> None:
    before = gc.get_stats()[generation]["collections"]
    async with asyncio.timeout(20):
        while gc.get_stats()[generation]["collections"] < before + 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.fixture
async def keeping(freezer: Freezer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """A freezer at work, which looks at how much there is each time."""
    monkeypatch.setattr("resolverd.collector._LATEST", 0.02)
    monkeypatch.setattr("resolverd.collector._LOOK", 0.0)
    freezer.start()
    task = asyncio.create_task(freezer.keep())
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_young_garbage_goes_soon_and_what_lives_on_is_not_walked_again(
    keeping: None,
) -> None:
    await _until_it_has_collected(1)
    garbage = Cyclic()
    gone = weakref.ref(garbage)
    del garbage
    await _until_it_has_collected(1)
    assert gone() is None


async def test_old_garbage_goes_once_there_is_much_of_it(keeping: None) -> None:
    await _until_it_has_collected(1)
    kept = [Cyclic() for _ in range(1000)]
    gone = weakref.ref(kept[0])
    await _until_it_has_collected(1)
    del kept
    before = gc.get_stats()[2]["collections"]
    await _until_it_has_collected(1)
    assert gone() is not None, "little of it is not worth the walk"
    assert gc.get_stats()[2]["collections"] == before
    more = [str(number) for number in range(sys.getallocatedblocks())]
    await _until_it_has_collected(1)
    assert gone() is None
    del more


async def test_what_a_change_replaced_is_let_go_before_the_rest_is_frozen(
    keeping: None, freezer: Freezer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _until_it_has_collected(1)
    monkeypatch.setattr("resolverd.collector._LET_GO", 3600.0)
    before, frozen = gc.get_stats()[2]["collections"], gc.get_freeze_count()
    freezer.changed(time.monotonic())
    await _until_it_has_collected(1)
    assert gc.get_stats()[2]["collections"] == before
    kept = [Cyclic() for _ in range(1000)]
    monkeypatch.setattr("resolverd.collector._LET_GO", 0.0)
    await _until_it_has_collected(1)
    assert gc.get_freeze_count() >= frozen + len(kept)


async def test_nothing_is_collected_while_much_is_made_by_others(
    keeping: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _until_it_has_collected(1)
    asked, is_enabled = 0, gc.isenabled

    def counted() -> bool:
        nonlocal asked
        asked += 1
        return is_enabled()

    with paused():
        before = gc.get_stats()[1]["collections"]
        monkeypatch.setattr("gc.isenabled", counted)
        async with asyncio.timeout(20):
            while asked < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert gc.get_stats()[1]["collections"] == before


@given(st.floats(0.02, 1.0), st.floats(0.0, 1.0))
def test_the_pause_follows_what_a_collection_takes(pause: float, took: float) -> None:
    after = next_pause(pause, took)
    assert 0.02 <= after <= 1.0
    if took > 0.0005:
        assert after <= pause
    if took < 0.0005:
        assert after >= pause


def test_collections_come_to_half_a_millisecond_each() -> None:
    pause = 1.0
    for _ in range(50):
        pause = next_pause(pause, 0.005 * pause)  # a hundredth of it is made of objects
    assert pause == pytest.approx(0.1)
