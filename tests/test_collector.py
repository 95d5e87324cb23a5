"""What lasts is out of the collector's way, and garbage of before is not kept by that."""

from __future__ import annotations

import gc
import time
import weakref
from collections.abc import Iterator

import pytest

from resolverd.collector import Freezer, paused, thread_cpu


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
    assert gc.get_threshold()[1:] == before[1:]
    freezer.stop()
    assert gc.get_threshold() == before
