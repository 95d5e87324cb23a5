"""Flap damping: each fall costs a penalty that decays, and a return waits while it is over one.

The penalty is in falls, and one decays in `period` seconds. It is kept as `penalty_until`, the
clock reading at which nothing of it will be left, as the generic cell rate algorithm keeps its
bucket (ITU-T I.371). So the first return is free, the next waits until `period` after the first
fall, and in any `period` there are at most two falls and two returns. RFC 2439 does the same to
routes, with a penalty that halves; what is left of falls that were hours ago would go on costing.
"""

from __future__ import annotations

import math

NO_PENALTY = -math.inf


def after_fall(penalty_until: float, now: float, period: float) -> float:
    """`penalty_until` once a fall at `now` has been charged."""
    return max(penalty_until, now) + period


def held_until(penalty_until: float, period: float) -> float:
    """The clock reading before which no return is believed."""
    return penalty_until - period
