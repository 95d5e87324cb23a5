"""The time that a probe may take, of which only that counts in which its host was in time.

A prober that had no CPU, or was stopped, for as long as an endpoint may take has not asked, or has
not looked: that says nothing of the endpoint. So a deadline is met in steps. Each step that comes
late has shown how long nothing was looked at, and that much is given again. Pure.
"""

from __future__ import annotations

# Steps of one deadline: lateness that falls between two of them is not seen.
_STEPS = 4
# Seconds that a host in good order may be late.
_LATE = 0.02
# Looks that may be late before no more is given again: a host that always is learns something, too.
_MOST = 8


class Patience:
    """Of `within` seconds from `began` on; `due` is when it wants to be looked at next.

    `late` is what has been given again so far, in seconds.
    """

    __slots__ = ("_left", "_over", "_step", "due", "late")

    def __init__(self, began: float, within: float) -> None:
        within = max(0.0, within)
        self._over, self._left = began + within, _MOST
        self._step = first_step(within)
        self.due = began + self._step
        self.late = 0.0

    def goes_on(self, now: float) -> bool:
        """Whether time is left at `now`, the first look since `due`, which then is the next."""
        late = now - self.due
        if late > _LATE and self._left:
            self._left -= 1
            self.late += late
            self._over += late
        if now >= self._over:
            return False
        self.due = min(now + self._step, self._over)
        return True

    def again(self, now: float) -> bool:
        """Whether there is a step more at `now`, when it is over, for what has come unseen by then.

        So much is left only to a host that has not looked at all that came to it.
        """
        if not self._left:
            return False
        self._left -= 1
        self.late += self._step
        self._over = self.due = now + self._step
        return True

    def extend(self, until: float) -> None:
        """Be over at `until`, if that is later, and what was given again has been added."""
        self._over = max(self._over, until + self.late)


def first_step(within: float) -> float:
    """Seconds after which something that may take `within` is looked at first."""
    return within / _STEPS
