"""What a region costs a client until the first token, in milliseconds, and how that grows.

    cost = round trip + expected queue delay + prefill

A region is a queue before so many servers (`concurrency`), from which requests leave at most at its
`max_rate`, the rate at which it finished them while some waited. What is expected of a load is

    waiting ÷ max_rate            of the queue that stands (Little's law), and
    ρⁿ⁻¹ ÷ (max_rate × (1 - ρ))   of those to come: n = √(2 × (concurrency + 1)), and ρ the load
                                  as a part of what is left beside the queue that stands

(Sakasegawa's approximation of M/M/c). What one request more makes *all* of them wait is more than
it waits itself, and is what shares are moved by: the derivative of load × delay. So clients are
sent on before they would be quicker elsewhere themselves, which is what keeps a queue from forming
in the time that resolvers take to notice.

What a region does not tell is unknown: such a region has no queue delay, is marked by None, and
neither sends clients on nor takes any. Pure: values in, values out; rates are requests a second.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

# From this part of its greatest load on, a region's delays grow in a straight line: they would be
# infinite at 1, and what costs as much as this is sent elsewhere at any distance.
_STEEPEST = 0.98
# No queue that stands leaves less than this part of a region's `max_rate` for those to come.
_LEFT = 0.05


class Flow(NamedTuple):
    """What goes through a region: requests that arrive, that wait, and the most that it finishes.

    Rates are requests a second. `concurrency` is how many it works on at a time. `prefill` is in
    seconds. `max_rate` is None as long as nothing tells what the region can sustain.
    """

    arrivals: float = 0.0
    waiting: float = 0.0
    max_rate: float | None = None
    concurrency: float = 1.0
    prefill: float | None = None


class Cost(NamedTuple):
    """Milliseconds to the first token, by parts; None where unknown, which counts nothing."""

    rtt: float
    queue: float | None = None
    prefill: float | None = None

    @property
    def total(self) -> float:
        """The sum of what is known."""
        return self.rtt + (self.queue or 0.0) + (self.prefill or 0.0)


def cost_of(rtt: float, flow: Flow | None, horizon: float) -> Cost:
    """What a client pays whose round trip to the region takes `rtt` milliseconds."""
    if flow is None:
        return Cost(rtt)
    prefill = None if flow.prefill is None else 1000 * flow.prefill
    return Cost(rtt, queue_delay(flow, flow.arrivals, horizon), prefill)


def queue_delay(flow: Flow, load: float, horizon: float) -> float | None:
    """Milliseconds that a request waits at this `load`; None where `max_rate` is unknown."""
    if flow.max_rate is None or flow.max_rate <= 0:
        return None
    standing = flow.waiting / flow.max_rate
    ratio = load / max_load(flow, horizon)
    power = _power(flow)
    to_come = _extended(ratio, lambda r: r ** (power - 1) / (1 - r)) / flow.max_rate
    return 1000 * (standing + to_come)


def added_delay(flow: Flow, load: float, horizon: float) -> float:
    """Milliseconds that one request more adds to all waiting; 0 where `max_rate` is unknown."""
    if flow.max_rate is None or flow.max_rate <= 0:
        return 0.0
    power = _power(flow)
    ratio = load / max_load(flow, horizon)
    return 1000 * _extended(ratio, lambda r: _growth(r, power)) / flow.max_rate


def max_load(flow: Flow, horizon: float) -> float:
    """The load that a region can take in the next `horizon` seconds beside what waits there."""
    max_rate = flow.max_rate or 0.0
    return max(_LEFT * max_rate, max_rate - flow.waiting / horizon)


def prefill_seconds(ttft: tuple[float, float], queued: tuple[float, float]) -> float | None:
    """The mean time to first token less the mean time in the queue: sums of seconds, and counts.

    None where either histogram counted nothing. Never negative: requests are counted in the one
    when they leave the queue, and in the other at their first token.
    """
    (ttft_sum, ttft_count), (queue_sum, queue_count) = ttft, queued
    if ttft_count <= 0 or queue_count <= 0:
        return None
    return max(0.0, ttft_sum / ttft_count - queue_sum / queue_count)


def _power(flow: Flow) -> float:
    return math.sqrt(2 * (max(1.0, flow.concurrency) + 1))


def _growth(ratio: float, power: float) -> float:
    """The derivative of ρⁿ ÷ (1 - ρ)."""
    rest = 1 - ratio
    grown: float = ratio ** (power - 1)
    return grown * (power * rest + ratio) / (rest * rest)


def _extended(ratio: float, function: Callable[[float], float]) -> float:
    """`function` of the ratio, and of more than `_STEEPEST` its tangent there."""
    if ratio <= _STEEPEST:
        return function(max(0.0, ratio))
    at, step = function(_STEEPEST), 1e-4
    slope = (at - function(_STEEPEST - step)) / step
    return at + slope * (ratio - _STEEPEST)
