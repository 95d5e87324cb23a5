"""What this edge tells the others of its targets: made anew only where something changed.

Of 1,000 targets few change within a second, and the others' part of the message is kept as octets.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from resolverd.fleet.observed import Observed, digest_of, fragment, write_targets
from resolverd.health.canary_turns import CanaryTurns
from resolverd.health.inference import InferenceReadings
from resolverd.health.monitor import Monitor, Target
from resolverd.health.outcome import Condition
from resolverd.health.verdict import State, Verdict

# Seconds after which figures are told anew of a target whose verdict stands, and for which a probe
# that takes long is told as late.
_FIGURES, _LATE = 10.0, 2.0


class _Told(NamedTuple):
    """What was told of a target, why it may be told again, and until when."""

    verdict: Verdict
    asked: float | None
    late: bool
    until: float
    text: str


class OwnObservations:
    """What `monitor` knows, as `fragment`s; `saturation` is that of a region, by its name."""

    def __init__(
        self,
        monitor: Monitor,
        turns: CanaryTurns,
        saturations: Callable[[], Mapping[str, float]],
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._monitor, self._turns, self._saturations = monitor, turns, saturations
        self._wall = wall
        self._told: dict[str, _Told] = {}
        self._late: dict[str, float] = {}
        self._digests: dict[str, tuple[Target, str]] = {}
        self._octets: bytes | None = None

    def late(self, target: str, now: float) -> None:
        """A probe of a target takes unusually long."""
        self._late[target] = now

    def digest(self, target: Target) -> str:
        """Of what is asked of a target."""
        known = self._digests.get(target.id)
        if known is None or known[0] is not target:
            model = target.settings.asked_model
            self._digests[target.id] = known = target, digest_of(target.url, model)
        return known[1]

    def whole(self, now: float) -> bytes:
        """The last part of a message of all targets: of none while this host may be isolated."""
        if self._monitor.isolation.reason:
            return write_targets({})
        self._update(now)
        if self._octets is None:
            self._octets = write_targets({id_: told.text for id_, told in self._told.items()})
        return self._octets

    def changed(self, now: float) -> bytes | None:
        """The same of those that changed since the last message; None where none has."""
        if self._monitor.isolation.reason:
            return None
        told = self._update(now)
        return write_targets({id_: one.text for id_, one in told.items()}) if told else None

    def _update(self, now: float) -> dict[str, _Told]:
        """What has to be told anew."""
        tried = self._monitor.tried()
        for id_ in self._told.keys() - tried.keys():
            del self._told[id_]
            self._octets = None
        stale = [id_ for id_, known in tried.items() if self._stale(id_, known[1], now)]
        told = self._tell(stale, tried, now) if stale else {}
        if told:
            self._told |= told
            self._octets = None
        return told

    def _stale(self, id_: str, verdict: Verdict, now: float) -> bool:
        told = self._told.get(id_)
        if told is None or told.verdict is not verdict or now >= told.until:
            return True
        return told.asked != self._asked(id_) or told.late != self._is_late(id_, now)

    def _asked(self, id_: str) -> float | None:
        """When its last canary of ours was answered."""
        turn = self._turns.known().get(id_)
        return None if turn is None else turn.asked

    def _is_late(self, id_: str, now: float) -> bool:
        return id_ in self._late and now - self._late[id_] < _LATE

    def _tell(
        self, ids: list[str], tried: Mapping[str, tuple[Target, Verdict]], now: float
    ) -> dict[str, _Told]:
        connections, readings = self._monitor.connections(), self._monitor.readings()
        saturations, told = self._saturations(), {}
        for id_ in ids:
            target, verdict = tried[id_]
            asked, late = self._asked(id_), self._is_late(id_, now)
            read, connect = readings.get(id_), connections[id_].connect
            ttft = read.canaries.ttft if isinstance(read, InferenceReadings) else None
            well = verdict.state is State.UP and verdict.condition is Condition.NONE
            observed = Observed(
                verdict.state,
                self.digest(target),
                "" if well else verdict.reason,
                None if connect is None else 1000 * connect,
                None if ttft is None else 1000 * ttft,
                saturations.get(target.region),
                self._since(verdict, now),
                asked,
                late,
            )
            spread = _FIGURES * (1 + hash(id_) % 8 / 16)  # not all at one moment
            told[id_] = _Told(verdict, asked, late, now + spread, fragment(observed))
        return told

    def _since(self, verdict: Verdict, now: float) -> float | None:
        if verdict.changed_at is None:
            return None
        return round(self._wall() - (now - verdict.changed_at))
