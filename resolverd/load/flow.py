"""What goes through each replica: arrivals, and what it was seen to bear, from its readings.

Arrivals are what was finished since a while and what is in work or waits more than then. While some
wait, what is finished is what the replica bears, its *drain*, and how many are in work its places.
As long as it has never been seen so, both follow from the share of its KV cache in use, as if that
grew with the load: where it does not, the first queue tells.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from resolverd.health.readings import LoadReadings
from resolverd.policy.ttft import Flow, prefill_seconds

# Seconds that rates are measured over: fewer is sooner, and less certain.
_SPAN = 20.0
# Seconds in which what a replica bears is learned by two thirds.
_LEARNING = 60.0
# Below this share of the KV cache what could be finished with all of it is not guessed.
_LEAST_KV = 0.1


@dataclass(slots=True)
class _Replica:
    kept: deque[LoadReadings] = field(default_factory=deque)
    drain: float | None = None
    places: float = 1.0

    def add(self, reading: LoadReadings) -> None:
        if self.kept and reading.at <= self.kept[-1].at:
            return
        if self.kept and _anew(self.kept[-1], reading):
            self.kept.clear()
        if self.kept:
            self._learn(self.kept[-1], reading)
        self.kept.append(reading)
        while len(self.kept) > 2 and self.kept[1].at <= reading.at - _SPAN:
            self.kept.popleft()

    def _learn(self, before: LoadReadings, after: LoadReadings) -> None:
        if not (before.waiting and after.waiting):
            return
        if before.completed is None or after.completed is None:
            return
        seconds = after.at - before.at
        drain = (after.completed - before.completed) / seconds
        places = after.running or 1.0
        if self.drain is None:
            first = self.rate()
            self.drain, self.places = max(drain, first or 0.0), places
            return
        part = 1 - math.exp(-seconds / _LEARNING)
        self.drain += part * (drain - self.drain)
        self.places += part * (places - self.places)

    def rate(self) -> float | None:
        """What it finished a second."""
        if len(self.kept) < 2:
            return None
        first, last = self.kept[0], self.kept[-1]
        if first.completed is None or last.completed is None:
            return None
        return (last.completed - first.completed) / (last.at - first.at)

    def flow(self) -> Flow | None:
        rate = self.rate()
        if rate is None:
            return None
        first, last = self.kept[0], self.kept[-1]
        seconds = last.at - first.at
        arrivals = max(0.0, rate + (_inside(last) - _inside(first)) / seconds)
        drain, places = self.drain, self.places
        if drain is None:
            used = [r.kv_usage for r in self.kept if r.kv_usage is not None]
            usage = sum(used) / len(used) if used else 0.0
            if usage >= _LEAST_KV and rate > 0:
                running = sum(r.running or 0.0 for r in self.kept) / len(self.kept)
                drain, places = rate / usage, max(1.0, running / usage)
        elif rate > drain:
            drain = rate
        return Flow(arrivals, last.waiting or 0.0, drain, places, self._prefill())

    def _prefill(self) -> float | None:
        first, last = self.kept[0], self.kept[-1]
        if None in (first.ttft_total, last.ttft_total, first.queue_total, last.queue_total):
            return None
        ttft = tuple(b - a for a, b in zip(first.ttft_total, last.ttft_total, strict=True))
        queue = tuple(b - a for a, b in zip(first.queue_total, last.queue_total, strict=True))
        return prefill_seconds(ttft, queue)


class FlowTracker:
    """The flows of replicas, by target id. Call `sample` as often as there may be new readings."""

    def __init__(self) -> None:
        self._replicas: dict[str, _Replica] = {}

    def sample(self, targets: Iterable[str], readings: Mapping[str, LoadReadings]) -> None:
        """Take what is new of exactly these replicas."""
        self._replicas = {target: self._replicas.get(target) or _Replica() for target in targets}
        for target, replica in self._replicas.items():
            reading = readings.get(target)
            if reading is not None:
                replica.add(reading)

    def flow(self, targets: Iterable[str]) -> Flow | None:
        """Of those that are known together; None where none is."""
        flows = [f for t in targets if (r := self._replicas.get(t)) and (f := r.flow())]
        if not flows:
            return None
        drains = [flow.drain for flow in flows if flow.drain is not None]
        return Flow(
            sum(flow.arrivals for flow in flows),
            sum(flow.waiting for flow in flows),
            sum(drains) * len(flows) / len(drains) if drains else None,
            sum(flow.places for flow in flows),
        )


def _inside(reading: LoadReadings) -> float:
    return (reading.running or 0.0) + (reading.waiting or 0.0)


def _anew(before: LoadReadings, after: LoadReadings) -> bool:
    return before.started != after.started or (
        before.completed is not None
        and after.completed is not None
        and after.completed < before.completed
    )
