"""How long an edge that flaps has to be fit before it announces again.

Pure. Each withdrawal that nobody planned doubles the time, up to a limit; each `forget` seconds
without another halve it again. So an edge that fails once is back soon, and one that fails again
and again moves its clients less and less often.
"""

from __future__ import annotations

from typing import NamedTuple

# So many doublings are as good as any: 2 ** 30 times a millisecond is twelve days.
_MOST = 30


class Damping(NamedTuple):
    """Seconds: the time that an edge has to be fit for, the longest, and of one forgetting."""

    fit_for: float
    most: float
    forget: float


class Flaps(NamedTuple):
    """Withdrawals that are remembered, and the clock at the last change of their number."""

    known: int = 0
    at: float = 0.0


def remembered(flaps: Flaps, damping: Damping, now: float) -> int:
    """How many withdrawals are remembered at `now`."""
    return max(0, flaps.known - int(max(0.0, now - flaps.at) // damping.forget))


def another(flaps: Flaps, damping: Damping, now: float) -> Flaps:
    """The flaps after one more withdrawal."""
    return Flaps(min(_MOST, remembered(flaps, damping, now) + 1), now)


def required(flaps: Flaps, damping: Damping, now: float) -> float:
    """Seconds for which the edge has to be fit before it announces.

    The first withdrawal costs `fit_for` alone, as the first announcement does.
    """
    doublings = max(0, remembered(flaps, damping, now) - 1)
    return min(damping.most, damping.fit_for * 2.0**doublings)
