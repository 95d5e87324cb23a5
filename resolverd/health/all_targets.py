"""The health of all targets as one state machine: outcomes in, what changed out; pure.

    outcome of a probe ─┬─► its target's health (`target_health`), pending while nothing responds
                        └─► is this host isolated? (`isolation`)
                               │ the cause of a missing response is
                               ├─ remote         the failure is confirmed, the verdict published
                               ├─ local          it is discarded: what was known before is kept
                               └─ undetermined   the others are to be probed early, to tell

Invariants, which tests hold against slow oracles: while this host is isolated no target ceases to
serve but one that had stopped responding longer than the window before the others; what is
published equals the replay, from the beginning, of just the outcomes that were not discarded.

There is no I/O, no task and no clock in here: whoever schedules probes hands their outcomes in with
clock readings, and carries out what is returned. While all is well an outcome costs two look-ups.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import NamedTuple

from resolverd.health.families import FamilyEvidence
from resolverd.health.isolation import Cause, IsolationDetector
from resolverd.health.outcome import Outcome
from resolverd.health.target_health import TargetChange, TargetHealth


class Member(NamedTuple):
    """One target: the name of its region, and what its outcomes make of it."""

    region: str
    health: TargetHealth


class IsolationChange(NamedTuple):
    """Isolation has begun or ended; `regions` are those whose health is kept, in order."""

    isolated: bool
    reason: str
    regions: tuple[str, ...]


class AllTargetsChange(NamedTuple):
    """What one outcome changed: each target that it settled, and whether isolation began or ended.

    `probe_early` are targets to be probed now rather than when they are due.
    """

    targets: Mapping[str, TargetChange]
    isolation: IsolationChange | None = None
    probe_early: tuple[str, ...] = ()


class AllTargetsHealth:
    """The targets by id; `window` is `IsolationDetector`'s, in seconds."""

    def __init__(self, window: float) -> None:
        self.isolation = IsolationDetector(window)
        self._members: Mapping[str, Member] = {}
        self._evidence = FamilyEvidence()
        self._undetermined: set[str] = set()
        self._probed_early_at = -math.inf

    def replace(
        self, members: Mapping[str, Member], anew: Collection[str], now: float
    ) -> IsolationChange | None:
        """Know exactly these; of those `anew` no outcome has been seen."""
        self._members = dict(members)
        self._evidence.keep(members.keys() - set(anew))
        self._undetermined &= members.keys() - set(anew)
        isolated = self.isolation.isolated
        self.isolation.replace({id_: member.region for id_, member in members.items()}, anew, now)
        return self._isolation_change(isolated)

    def observe(
        self, target: str, outcome: Outcome, started: float, now: float, *, overridden: bool = False
    ) -> AllTargetsChange:
        """Take in the outcome of a probe of `target` that is under way since `started`.

        Under an override of an operator (`overridden`) no fall is held against it.
        """
        health, isolated = self._members[target].health, self.isolation.isolated
        superseded = health.observe(target, outcome, started, now, self._evidence)
        if overridden:
            health.charge_nothing()
        if outcome.responded:
            self.isolation.responded(target, now)
        else:
            self.isolation.no_response(target, serves=health.serves, started=started, now=now)
        changed = self._isolation_change(isolated)
        if changed is None and outcome.responded and not self._undetermined:
            settled = {target: self._settle_alone(target, health, now)}
        else:
            settled = self._settle(self._members if changed else {*self._undetermined, target}, now)
        if superseded:
            own = settled[target]
            settled[target] = own._replace(superseded=(*superseded, *own.superseded))
        return AllTargetsChange(settled, changed, self._to_probe_early(health, now))

    def repeat(self, target: str, outcome: Outcome, started: float, now: float) -> bool:
        """As `observe`, of an outcome by which nothing changes but when it was; False: it is none.

        Of a target that is up, and has been for a while, nearly each outcome is such a one.
        """
        isolation = self.isolation
        if self._undetermined or not isolation.unconcerned(target):
            return False
        if not self._members[target].health.repeat(outcome, started):
            return False
        isolation.heard(now)
        return True

    def _settle(self, targets: Collection[str], now: float) -> dict[str, TargetChange]:
        """Publish what is known of these, and remember of whom it is not known yet."""
        causes = {target: self.isolation.cause(target, now) for target in targets}
        self._undetermined = {t for t, cause in causes.items() if cause is Cause.UNDETERMINED}
        for target, cause in causes.items():
            if cause is Cause.REMOTE and self._members[target].health.fallen:
                self.isolation.fell(target)
        return {
            target: self._members[target].health.settle(
                cause, now, held=self.isolation.held(target)
            )
            for target, cause in causes.items()
        }

    def _settle_alone(self, target: str, health: TargetHealth, now: float) -> TargetChange:
        """As `_settle`, for one that has responded while it is known of all others."""
        cause = self.isolation.cause(target, now)
        if cause is Cause.REMOTE and health.fallen:
            self.isolation.fell(target)
        return health.settle(cause, now, held=self.isolation.held(target))

    def _to_probe_early(self, health: TargetHealth, now: float) -> tuple[str, ...]:
        """All that responded last, while a cause is not known; once in a fast_interval."""
        if not self._undetermined:
            return ()
        if now - self._probed_early_at < health.settings.fast_interval:
            return ()
        self._probed_early_at = now
        return tuple(target for target in self._members if self.isolation.responding(target))

    def _isolation_change(self, before: bool) -> IsolationChange | None:
        isolation = self.isolation
        if isolation.isolated == before:
            return None
        return IsolationChange(isolation.isolated, isolation.reason, isolation.regions)
