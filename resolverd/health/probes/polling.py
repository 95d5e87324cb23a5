"""How one descriptor that stands for many connections is seen to on the event loop, in short turns.

What is ready comes in batches. A turn ends after `MAX_TURN`, so that whoever else has to do with
the loop comes to it; what is left by then is there in the next turn.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod

# Seconds after which the loop has its turn: that is several times what may begin in one (`timers`),
# so whoever has too much to do begins fewer probes, and looks at all that it has begun.
MAX_TURN = 0.002


class Polling(ABC):
    """To be made and closed inside one running event loop.

    `behind` is whether the last turn left some for the next: this host has more to do than it can.
    """

    def __init__(self, descriptor: int) -> None:
        self.behind = False
        self._descriptor, self._loop = descriptor, asyncio.get_running_loop()
        self._loop.add_reader(descriptor, self._turn)

    def close(self) -> None:
        """Watch nothing any more."""
        self._loop.remove_reader(self._descriptor)

    def catch_up(self, until: float) -> None:
        """See to all that has come, out of turn, until the monotonic clock reads `until`.

        Not to be called by who is told of any of it.
        """
        while self._see_to_some() and time.monotonic() < until:
            continue

    @abstractmethod
    def _see_to_some(self) -> bool:
        """See to so many; whether there may be more."""

    def _turn(self) -> None:
        until = time.monotonic() + MAX_TURN
        while more := self._see_to_some():
            if time.monotonic() >= until:
                break
        self.behind = more

    def _report(self, defect: Exception) -> None:
        """A defect of ours in what was told: it costs that probe alone."""
        context = {"message": "defect in a probe", "exception": defect}
        self._loop.call_exception_handler(context)
