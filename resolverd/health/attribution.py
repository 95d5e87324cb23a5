"""Attributes every missing response to the target or to this host, and probes the others early.

While all is well this costs a call and two dictionary look-ups for each outcome. The first missing
response of a target that serves has all others probed at once, at most once per fast_interval, so
that the cause is known before the target would fall.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping

from resolverd import log
from resolverd.health.isolation import Cause, IsolationDetector
from resolverd.health.outcome import Outcome
from resolverd.health.watch import Watch


class FailureAttribution:
    """Over `watches`, shared with whoever changes them; `window` is `IsolationDetector`'s."""

    def __init__(
        self, watches: Mapping[str, Watch], window: float, clock: Callable[[], float]
    ) -> None:
        self.isolation = IsolationDetector(window)
        self._watches = watches
        self._clock = clock
        self._undetermined: set[str] = set()
        self._asked_at = -math.inf
        self._log = log.get("health")

    def replaced(self, anew: Collection[str]) -> None:
        """The watches have changed; those `anew` have probed nothing yet."""
        self._undetermined &= self._watches.keys() - set(anew)
        regions = {id_: watch.target.region for id_, watch in self._watches.items()}
        isolated = self.isolation.isolated
        self.isolation.replace(regions, anew, self._clock())
        self._log_change(isolated)

    def ended(self, watch: Watch, outcome: Outcome, started: float) -> None:
        """A probe of `watch` ended: attribute it, and all others whose cause is known by it."""
        id_, now, isolated = watch.target.id, self._clock(), self.isolation.isolated
        if outcome.responded:
            self.isolation.responded(id_, now)
        else:
            self.isolation.no_response(id_, serves=watch.serves, started=started, now=now)
        self._undetermined.add(id_)
        if self._log_change(isolated):
            self._undetermined |= self._watches.keys()
        for each in self._undetermined:
            self._show(each, now)
        self._undetermined = {
            each
            for each in self._undetermined
            if self.isolation.cause(each, now) is Cause.UNDETERMINED
        }
        if self._undetermined and now - self._asked_at >= watch.target.settings.fast_interval:
            self._asked_at = now
            self._probe_the_others()

    def _show(self, id_: str, now: float) -> None:
        self._watches[id_].settle(self.isolation.cause(id_, now), held=self.isolation.held(id_))

    def _probe_the_others(self) -> None:
        for id_, watch in self._watches.items():
            if self.isolation.responding(id_):
                watch.probe_early()

    def _log_change(self, isolated: bool) -> bool:
        """One event when isolation has begun or ended; whether it has."""
        isolation = self.isolation
        if isolation.isolated and not isolated:
            self._log.error(
                "doubt.began",
                reason=isolation.reason,
                regions=list(isolation.regions),
                consequence="this host's own network is likelier to be at fault than every region "
                "at once: verdicts are kept, TTLs are low, and this host is not ready",
            )
        elif isolated and not isolation.isolated:
            self._log.info("doubt.ended", regions=list(isolation.regions))
        return isolation.isolated != isolated
