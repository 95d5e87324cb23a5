"""What lasts is out of the collector's way, and garbage of before is not kept by that."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from resolverd.frozen import Freezer


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


def test_garbage_of_what_was_frozen_goes_after_a_change(freezer: Freezer) -> None:
    freezer.start()
    served = Cyclic()
    gone = weakref.ref(served)
    gc.collect()
    del served
    gc.collect()
    assert gone() is not None
    freezer.thaw()
    gc.collect()
    assert gone() is None
    assert gc.get_freeze_count() > 1000


def test_one_that_was_not_started_touches_nothing(freezer: Freezer) -> None:
    freezer.thaw()
    gc.collect()
    assert gc.get_freeze_count() == 0
