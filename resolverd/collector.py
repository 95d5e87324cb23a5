"""Python's garbage collector, which walks all that there is once much was made.

For a zone of 100,000 names that is 0.4 s of CPU in which no other thread of Python's runs. What a
load makes holds no cycles: it is spared the collector while it is made, and for good if it is much.
It is freed as ever once nobody holds it.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_MUCH = 50_000
"""Objects from which on what was made is left out of collections: some tens of milliseconds."""


@contextmanager
def collector_paused() -> Iterator[None]:
    """Spare what is made meanwhile the collector.

    It would walk growing tables again and again, a third of the time of a first load.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            if gc.get_count()[0] > _MUCH:
                gc.freeze()
            gc.enable()
