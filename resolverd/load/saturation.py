"""How full each replica is: smoothed over its readings, by the targets of its services."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import NamedTuple

from resolverd.config.probe import Probe
from resolverd.config.spill import Spill
from resolverd.health.outcome import Condition
from resolverd.health.readings import LoadReadings
from resolverd.health.verdict import UNKNOWN, Verdict
from resolverd.policy.saturation import Smoothed, Targets, saturation_of, smooth

# Probe intervals for which a reading counts. More steers by older load; fewer loses a region's load
# to one late probe.
_FRESH = 3
_FULL = frozenset({Condition.BUSY, Condition.SHEDDING})
# Replicas that are looked at in one step: some tens of microseconds, as most have nothing new.
_AT_ONCE = 50


class SaturationTarget(NamedTuple):
    """How a service measures: what counts as just full, and the weight of each new reading."""

    targets: Targets
    weight: float


class Level(NamedTuple):
    """A region's saturation, its latest one unsmoothed, and when the oldest reading was taken."""

    saturation: float | None = None
    latest: float | None = None
    at: float = -math.inf


class Replica(NamedTuple):
    """One probe target as one service measures it."""

    target: str
    saturation_target: SaturationTarget


class SaturationTracker:
    """The saturation of replicas. Run `sample` as often as there may be new readings."""

    def __init__(self) -> None:
        self.told: dict[str, bool] = {}
        """By target: whether a reading ever told its queue or its KV cache; without those of whom
        it is not known yet whether any would.
        """
        self._smoothed: dict[SaturationTarget, dict[str, Smoothed]] = {}

    def sample(
        self,
        replicas: Iterable[tuple[Replica, float]],
        readings: Mapping[str, LoadReadings],
        settled: Mapping[str, Verdict],
        verdict: Callable[[str], Verdict],
        now: float,
    ) -> Generator[None, None, None]:
        """Take what is new of exactly these replicas; one of whom nothing is fresh is unknown.

        Each comes with the seconds for which a reading of it is fresh (`fresh_seconds`). `settled`
        are verdicts that may be old in when they were probed, `verdict` gives one of now. In steps:
        what is known is that of before until all are looked at.
        """
        all_known: dict[SaturationTarget, dict[str, Smoothed]] = {}
        measured, known, known_before = None, dict[str, Smoothed](), dict[str, Smoothed]()
        for number, ((target, saturation_target), fresh) in enumerate(replicas):
            if not number % _AT_ONCE:
                yield
            if saturation_target is not measured:  # those of one service come one after another
                measured = saturation_target
                known = all_known.setdefault(measured, {})
                known_before = self._smoothed.get(measured, {})
            before, reading = known_before.get(target), readings.get(target)
            if reading is not None and now - reading.at > fresh:
                reading = None
            said = settled.get(target, UNKNOWN)
            full = said.condition in _FULL or (reading is not None and reading.shedding)
            if not full and before is not None and reading is not None and reading.at == before.at:
                known[target] = before  # nothing new, as most times
                continue
            if reading is None:
                said = verdict(target)
            elif reading.waiting is not None or reading.kv_usage is not None:
                self.told[target] = True
            elif reading.tells_no_load:
                self.told.setdefault(target, False)
            smoothed = _sampled(before, saturation_target, reading, said)
            if smoothed is not None:
                known[target] = smoothed
        self._smoothed = all_known

    @property
    def highest(self) -> float:
        """The highest replica's saturation; 0 where none is known."""
        known = [smoothed.value for of in self._smoothed.values() for smoothed in of.values()]
        return max(known, default=0.0)

    def level(self, targets: Iterable[str], saturation_target: SaturationTarget) -> Level:
        """The mean of those replicas that are known."""
        of = self._smoothed.get(saturation_target, {})
        known = [of[target] for target in targets if target in of]
        if not known:
            return Level()
        count = len(known)
        return Level(
            sum(sample.value for sample in known) / count,
            sum(sample.latest for sample in known) / count,
            min(sample.at for sample in known),
        )


def saturation_target_of(spill: Spill) -> SaturationTarget:
    """The values of queue and KV cache at which a service's replicas count as just full."""
    return SaturationTarget(Targets(spill.queue_target, spill.kv_target), spill.smoothing)


def fresh_seconds(probe: Probe) -> float:
    """How old a reading of such a probe may be and still count."""
    return _FRESH * probe.interval + probe.timeout


def _sampled(
    before: Smoothed | None,
    saturation_target: SaturationTarget,
    reading: LoadReadings | None,
    verdict: Verdict,
) -> Smoothed | None:
    """With what is new. A replica that says it is full is so at once, whatever the mean says."""
    full = verdict.condition in _FULL or (reading is not None and reading.shedding)
    waiting, kv_usage, at = None, None, verdict.probed_at
    if reading is not None:
        waiting, kv_usage, at = reading.waiting, reading.kv_usage, reading.at
    latest = saturation_of(waiting, kv_usage, saturation_target.targets, full=full)
    if latest is None:
        return None
    smoothed = smooth(before, latest, at, saturation_target.weight)
    if full:
        return Smoothed(max(1.0, smoothed.value), max(1.0, smoothed.latest), smoothed.at)
    return smoothed
