"""The least of what was measured over the last while, in constant memory; pure."""

from __future__ import annotations

from typing import NamedTuple


class WindowMinimum(NamedTuple):
    """The least value of this half of a window and of the half before.

    So a value counts for at least half of the window, and no longer than all of it. `half` numbers
    the halves.
    """

    half: int
    current: float
    before: float

    @property
    def least(self) -> float:
        """The least value of the window, as it stood with the last one."""
        return min(self.current, self.before)

    def after(self, value: float, now: float, window: float) -> WindowMinimum:
        """With one more value, measured at `now`; of a `window` of so many seconds."""
        half = int(now // (window / 2))
        if half == self.half:
            return self if value >= self.current else self._replace(current=value)
        return WindowMinimum(half, value, self.current if half == self.half + 1 else value)


def first_of(value: float, now: float, window: float) -> WindowMinimum:
    """The minimum of a first value."""
    return WindowMinimum(int(now // (window / 2)), value, value)
