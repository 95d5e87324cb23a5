"""The time that somebody else may take, of which only that counts in which this host was in time.

A prober that had no CPU, or was stopped, for as long as an endpoint may take has not asked, or has
not looked: that says nothing of the endpoint, nor of who asks the admin API. So a deadline is met
in steps. Each step that comes late has shown how long nothing was looked at, and that much is given
again. Pure.
"""

from __future__ import annotations

from resolverd.patience.lateness import LATE, Lateness

# Steps of one deadline: lateness that falls between two of them is not seen.
_STEPS = 4
# Looks that may be late before no more is given again: a host that always is learns something, too.
_MOST = 8
# How many times as long as it may take something may be kept waiting for what others have seen.
_MOST_TIMES = 3.0


class Patience:
    """Of `within` seconds from `began` on; `due` is when it wants to be looked at next.

    `late` is what has been given again so far, in seconds. `lateness` is what all looks of this
    host have seen, where somebody keeps it: what they have seen counts as well.
    """

    __slots__ = ("_lateness", "_left", "_most", "_noted", "_over", "_step", "due", "late")

    def __init__(self, began: float, within: float, lateness: Lateness | None = None) -> None:
        within = max(0.0, within)
        self._lateness, self._most = lateness, _MOST_TIMES * within
        self._noted = lateness.total if lateness else 0.0
        self._over, self._left = began + within, _MOST
        self._step = first_step(within)
        self.due = began + self._step
        self.late = 0.0

    def goes_on(self, now: float) -> bool:
        """Whether time is left at `now`, the first look since `due`, which then is the next."""
        late = now - self.due
        if late > LATE and self._left:
            self._left -= 1
            self.late += late
            self._over += late
        if self._lateness is not None:
            self._lateness.note(self.due, now)
            unseen = min(self._lateness.total - self._noted, self._most) - self.late
            if unseen > 0:
                self.late += unseen
                self._over += unseen
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
