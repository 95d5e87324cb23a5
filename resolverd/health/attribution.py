"""Carries out what the health of all targets asks for: publishes, logs, and probes others early.

What an outcome means is decided in `all_targets`, which is pure; here are the watches and the log.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from resolverd import log
from resolverd.health.all_targets import AllTargetsHealth, IsolationChange, Member
from resolverd.health.isolation import IsolationDetector
from resolverd.health.outcome import Outcome
from resolverd.health.watch import Watch


class FailureAttribution:
    """Over `watches`, shared with whoever changes them; `window` is `IsolationDetector`'s."""

    def __init__(
        self, watches: Mapping[str, Watch], window: float, clock: Callable[[], float]
    ) -> None:
        self._all = AllTargetsHealth(window)
        self._watches = watches
        self._clock = clock
        self._log = log.get("health")

    @property
    def repeated(self) -> Callable[[str, Outcome, float, float], bool]:
        """`AllTargetsHealth.repeat`, after which nothing is left to be carried out."""
        return self._all.repeat

    @property
    def isolation(self) -> IsolationDetector:
        """Whether this host, and not every region, is taken to be at fault."""
        return self._all.isolation

    def replaced(self, anew: Collection[str]) -> None:
        """The watches have changed; those `anew` have probed nothing yet."""
        members = {
            id_: Member(watch.target.region, watch.judged_health)
            for id_, watch in self._watches.items()
        }
        self._log_change(self._all.replace(members, anew, self._clock()))

    def ended(self, watch: Watch, outcome: Outcome, started: float) -> None:
        """A probe of `watch` ended: hand its outcome on, and carry out what follows for all."""
        change = self._all.observe(
            watch.target.id, outcome, started, self._clock(), overridden=watch.overridden
        )
        self._log_change(change.isolation)
        for id_, target_change in change.targets.items():
            self._watches[id_].apply(target_change)
        for id_ in change.probe_early:
            self._watches[id_].probe_early()

    def _log_change(self, change: IsolationChange | None) -> None:
        """One event when isolation has begun or ended."""
        if change is None:
            return
        if change.isolated:
            self._log.error(
                "isolation.started",
                reason=change.reason,
                regions=list(change.regions),
                consequence="this host's own network is likelier to be at fault than every region "
                "at once: verdicts are kept, TTLs are low, and this host is not ready",
            )
        else:
            self._log.info("isolation.ended", regions=list(change.regions))
