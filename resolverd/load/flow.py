"""What goes through each replica: arrivals, and the most that it can finish, from its readings.

Arrivals are what was finished in a while and what is in work or waits more than before. While some
wait, what it finishes a second is the most that it can, its `max_rate`, and how many are in work
its `concurrency`. As long as it has never been seen so, both follow from the share of its KV cache
in use, as if that grew with the load: where it does not, the first queue tells.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from resolverd.config.probe import Probe
from resolverd.health.readings import LoadReadings, Total
from resolverd.load.saturation import fresh_seconds
from resolverd.policy.learned import LearnedRate
from resolverd.policy.ttft import Flow, prefill_seconds

# Seconds that rates are measured over: fewer is sooner, and less certain.
_SPAN = 20.0
# Seconds in which the most that a replica can finish is learned by two thirds.
_LEARNING = 60.0
# Below this share of the KV cache what could be finished with all of it is not guessed.
_LEAST_KV = 0.1


@dataclass(slots=True)
class _Replica:
    """One replica's latest readings, and the most that it was seen to finish."""

    kept: deque[LoadReadings] = field(default_factory=deque)
    last: LoadReadings | None = None
    max_rate: float | None = None
    concurrency: float = 1.0
    learned_at: float = -math.inf

    @classmethod
    def resumed(cls, learned: LearnedRate) -> _Replica:
        """One of which an earlier process of ours has learned; its process has to be the same."""
        last = LoadReadings(-math.inf, started=learned.started, completed=learned.completed)
        return cls(deque(), last, learned.max_rate, learned.concurrency, learned.at)

    def learned(self) -> LearnedRate | None:
        """What was learned, for a later process; None where nothing was."""
        if self.max_rate is None or self.last is None or self.last.completed is None:
            return None
        started, completed = self.last.started, self.last.completed
        return LearnedRate(self.max_rate, self.concurrency, self.learned_at, started, completed)

    def add(self, reading: LoadReadings) -> None:
        """One more reading; what was learned of a process is not true of the next."""
        if self.kept and reading.at <= self.kept[-1].at:
            return
        if self.last is not None and _anew(self.last, reading):
            self.kept.clear()
            self.max_rate = None
        if self.kept:
            self._learn(self.kept[-1], reading)
        self.last = reading
        self.kept.append(reading)
        while len(self.kept) > 2 and self.kept[1].at <= reading.at - _SPAN:
            self.kept.popleft()

    def flow(self) -> Flow | None:
        """What goes through it; None where its readings do not tell."""
        finished = self._finished()
        if finished is None:
            return None
        first, last = self.kept[0], self.kept[-1]
        more_inside = (_inside(last) - _inside(first)) / (last.at - first.at)
        max_rate, concurrency = self._limits(finished)
        return Flow(
            arrivals=max(0.0, finished + more_inside),
            waiting=last.waiting or 0.0,
            max_rate=max_rate,
            concurrency=concurrency,
            prefill=_prefill(first, last),
        )

    def _learn(self, before: LoadReadings, after: LoadReadings) -> None:
        """While some wait, what is finished is the most that it can."""
        if not (before.waiting and after.waiting and after.running):
            return
        if before.completed is None or after.completed is None:
            return
        seconds = after.at - before.at
        max_rate = (after.completed - before.completed) / seconds
        self.learned_at = after.at
        if self.max_rate is None:
            self.max_rate, self.concurrency = max(max_rate, self._finished() or 0.0), after.running
            return
        part = 1 - math.exp(-seconds / _LEARNING)
        self.max_rate += part * (max_rate - self.max_rate)
        self.concurrency += part * (after.running - self.concurrency)

    def _finished(self) -> float | None:
        """Requests that it finished a second."""
        if len(self.kept) < 2:
            return None
        first, last = self.kept[0], self.kept[-1]
        if first.completed is None or last.completed is None:
            return None
        return (last.completed - first.completed) / (last.at - first.at)

    def _limits(self, finished: float) -> tuple[float | None, float]:
        """Its greatest rate (requests a second; None: not known yet), and its concurrency."""
        if self.max_rate is not None:
            return max(self.max_rate, finished) or None, max(1.0, self.concurrency)
        used = [reading.kv_usage for reading in self.kept if reading.kv_usage is not None]
        usage = sum(used) / len(used) if used else 0.0
        if usage < _LEAST_KV or not finished:
            return None, 1.0
        running = sum(reading.running or 0.0 for reading in self.kept) / len(self.kept)
        return finished / usage, max(1.0, running / usage)


class FlowTracker:
    """The flows of replicas, by target id. Call `sample` as often as there may be new readings."""

    def __init__(self) -> None:
        self._replicas: dict[str, _Replica] = {}
        self._resumed: Mapping[str, LearnedRate] = {}

    @property
    def learned(self) -> Mapping[str, LearnedRate]:
        """What was learned, by target id, for a later process to `resume`."""
        known = {target: replica.learned() for target, replica in self._replicas.items()}
        return {target: one for target, one in known.items() if one is not None}

    def resume(self, learned: Mapping[str, LearnedRate]) -> None:
        """Take over what an earlier process learned, of those that are sampled first."""
        self._resumed = learned

    def sample(
        self,
        targets: Iterable[tuple[str, Probe]],
        readings: Mapping[str, LoadReadings],
        now: float,
    ) -> None:
        """Take what is new of exactly these replicas; of one of whom nothing is fresh, forget."""
        before, self._replicas = self._replicas, {}
        for target, probe in targets:
            reading = readings.get(target)
            known = before.get(target) or self._begin(target)
            if reading is None or now - reading.at > fresh_seconds(probe):
                known.kept.clear()
            else:
                known.add(reading)
            self._replicas[target] = known
        if self._replicas:
            self._resumed = {}

    def _begin(self, target: str) -> _Replica:
        learned = self._resumed.get(target)
        return _Replica() if learned is None else _Replica.resumed(learned)

    def flow(self, targets: Iterable[str]) -> Flow | None:
        """Of those that are known together, as if the others were like them; None where none is.

        One whose `max_rate` is not known is taken to finish as much as the others.
        """
        asked = [self._replicas[target] for target in targets if target in self._replicas]
        flows = [flow for replica in asked if (flow := replica.flow()) is not None]
        if not flows:
            return None
        all_of_them = len(asked) / len(flows)
        max_rates = [flow.max_rate for flow in flows if flow.max_rate is not None]
        prefills = [flow.prefill for flow in flows if flow.prefill is not None]
        return Flow(
            arrivals=all_of_them * sum(flow.arrivals for flow in flows),
            waiting=all_of_them * sum(flow.waiting for flow in flows),
            max_rate=len(asked) * sum(max_rates) / len(max_rates) if max_rates else None,
            concurrency=all_of_them * sum(flow.concurrency for flow in flows),
            prefill=sum(prefills) / len(prefills) if prefills else None,
        )


def _inside(reading: LoadReadings) -> float:
    return (reading.running or 0.0) + (reading.waiting or 0.0)


def _prefill(first: LoadReadings, last: LoadReadings) -> float | None:
    ttft = _added(first.ttft_total, last.ttft_total)
    queued = _added(first.queue_total, last.queue_total)
    return None if ttft is None or queued is None else prefill_seconds(ttft, queued)


def _added(before: Total | None, after: Total | None) -> Total | None:
    if before is None or after is None:
        return None
    return Total(after.seconds - before.seconds, after.observations - before.observations)


def _anew(before: LoadReadings, after: LoadReadings) -> bool:
    """Whether another process answers than before: its totals begin anew."""
    fell = (
        before.completed is not None
        and after.completed is not None
        and after.completed < before.completed
    )
    return before.started != after.started or fell
