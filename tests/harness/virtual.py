"""An event loop in virtual time: hours pass in no time, and every time read is exact."""

from __future__ import annotations

import asyncio
import selectors


class JumpingSelector(selectors.SelectSelector):
    """Where a loop would wait for its next timer, the clock moves there instead."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise AssertionError("the loop waits for something that will never happen")
        self.now += max(0.0, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose time is that of its timers; nothing in it may wait for anything else."""

    def __init__(self) -> None:
        self.jumping = JumpingSelector()
        super().__init__(self.jumping)

    def time(self) -> float:
        return self.jumping.now
