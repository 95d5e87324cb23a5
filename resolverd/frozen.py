"""What lasts is kept out of the garbage collector's way: a full collection walks all objects there
are, and of thousands of endpoints that takes 0.2 s of the event loop, again and again.

After each change of what is served, the first full collection walks them all once more, and what is
left then is frozen (`gc.freeze`) until the next change: later ones walk what was made since.
"""

from __future__ import annotations

import gc
from collections.abc import Mapping
from typing import Any

_FULL = 2


class Freezer:
    """Freezes what a full collection leaves, once after each `thaw`; for one process."""

    def __init__(self) -> None:
        self._waits = False

    def start(self) -> None:
        """Freeze from now on, beginning with what the next full collection leaves."""
        self._waits = True
        gc.callbacks.append(self._collected)

    def stop(self) -> None:
        """Leave all to the collector again."""
        if self._collected in gc.callbacks:
            gc.callbacks.remove(self._collected)
        gc.unfreeze()

    def thaw(self) -> None:
        """What is served has changed, and what was before may be garbage."""
        if self._collected in gc.callbacks:
            gc.unfreeze()
            self._waits = True

    def _collected(self, phase: str, info: Mapping[str, Any]) -> None:
        if phase == "stop" and info["generation"] == _FULL and self._waits:
            self._waits = False
            gc.freeze()


FREEZER = Freezer()
"""The process's own: whoever serves starts it."""
