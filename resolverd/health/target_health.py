"""What one target's outcomes make of it: its health, its families, its verdict; pure.

A target has its probes under way (by the clock reading at which each started), a health that may be
pending (`pending`), and a health for each address family. Outcomes count in the order in which
their probes started: once one has counted, those still under way that started before are
superseded. What a failure supersedes is of no more use; what a success supersedes may yet fail,
which is a fact that the success of another does not undo. At most `fall` probes are under way, the
superseded among them, and none of these while failures do not add up: while the target does not
serve, or this host may be at fault.

Every method that takes `now` takes a reading of the monotonic clock in seconds; those that change
the verdict return a `TargetChange`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

from resolverd.config.probe import Probe
from resolverd.health import machine
from resolverd.health.families import FamilyEvidence, FamilyHealth
from resolverd.health.family import Family, FamilyState
from resolverd.health.isolation import Cause
from resolverd.health.machine import EndpointHealth
from resolverd.health.outcome import Outcome
from resolverd.health.pending import PendingHealth
from resolverd.health.verdict import State, Verdict

# Of all targets, so that no two healths ever have the same.
_REVISIONS = itertools.count()


class TargetChange(NamedTuple):
    """What something made of one target.

    `superseded` are the starts of probes under way that can no longer count: to be cancelled.
    """

    before: Verdict
    after: Verdict
    superseded: tuple[float, ...] = ()

    @property
    def is_news(self) -> bool:
        """Whether the verdict changed in a part that steers or is reported; a reason is none."""
        return _published(self.before) != _published(self.after)


class KeptHealth(NamedTuple):
    """What a later process may begin with: the health of a target, and those of its families.

    `families` is empty where nothing is to be known of one by itself.
    """

    health: EndpointHealth
    families: Mapping[Family, EndpointHealth] = MappingProxyType({})


class TargetHealth:
    """One target, judged by `settings`; unknown until an outcome counts.

    `known`: whether it has had an outcome, or was restored. `tried`: whether one by the present
    settings. `held`: whether its health is one from before this host was isolated.
    """

    def __init__(self, settings: Probe, now: float) -> None:
        self.settings = settings
        self.families = FamilyHealth()
        self.known = self.tried = self.held = False
        self._pending = PendingHealth(EndpointHealth())
        self._under_way: list[float] = []
        self._superseded: list[float] = []
        self.revision = next(_REVISIONS)
        self._asked_anew = ""
        # The successes by which nothing changed but when they were, since `_publish`: taken in once
        # somebody looks. `_steady` is their reason, None where the next outcome may mean more.
        self._steady: str | None = None
        self._repeats, self._repeated_at = 0, now
        self._verdict = self._judged(now)
        self._fresh: Verdict | None = None

    @property
    def verdict(self) -> Verdict:
        """What is known of it."""
        self._take_repeats()
        return self._fresh or self._verdict

    @property
    def settled(self) -> Verdict:
        """`verdict`, the same object for as long as nothing of it changes but `probed_at`.

        Only one that cannot flip before anything else happens stays the same by that.
        """
        return self._verdict

    def begin(self, started: float) -> tuple[float, ...]:
        """A probe starts; returns the starts of those that have to be cancelled for it."""
        dropped = self._drop(len(self._under_way) + 1, started) if self._superseded else ()
        self._under_way.append(started)
        return dropped

    def observe(
        self, target: str, outcome: Outcome, started: float, now: float, evidence: FamilyEvidence
    ) -> tuple[float, ...]:
        """Take in the outcome of a probe under way; `settle` then says what it means.

        Returns the starts of probes that it superseded and that have to be cancelled.
        """
        self._unsteady()
        older: list[float] = []
        if self._under_way == [started]:
            self._under_way.clear()
        else:
            older = [start for start in self._under_way if start < started]
            self._under_way = [start for start in self._under_way if start > started]
        first, self.known, self.tried = not self.known, True, True
        self.families.observe(
            target, outcome.families, self.settings, now, started, evidence, first=first
        )
        self._pending.observe(outcome, self.settings, now, started)
        if not (outcome.ok or outcome.condition.holds) or self.held:
            return tuple(older)
        if not older and not self._superseded:
            return ()
        for start in older:
            self._superseded.append(start)
            self._pending.revise(lambda health: machine.superseded(health, self.settings, now))
        return self._drop(len(self._under_way), now)

    def repeat(self, outcome: Outcome, started: float) -> bool:
        """Take in a success by which nothing changes but when it was; False where it is none.

        What follows is what `observe` and `settle` would make of it, without the steps between.
        """
        if outcome.reason != self._steady or not outcome.ok or outcome.condition:
            if not self._is_steady(outcome):
                return False
            self._take_repeats()
            self._steady = outcome.reason
        if (
            self._under_way != [started]
            or self._superseded
            or not outcome.responded
            or outcome.families
        ):
            return False
        self._under_way.clear()
        self._repeats += 1
        self._repeated_at = started
        return True

    def _is_steady(self, outcome: Outcome) -> bool:
        """Whether a success like `outcome` changes nothing, as far as its target's health goes."""
        pending = self._pending
        return (
            not self.held
            and self.tried
            and not self.families.known
            and pending.provisional is None
            and pending.baseline is None
            and machine.repeats(pending.effective, outcome)
        )

    def _take_repeats(self) -> None:
        """Make the health and the verdict what the successes since the last time make of them."""
        if not self._repeats:
            return
        number, self._repeats = self._repeats, 0
        started, verdict = self._repeated_at, self._verdict
        self._pending.effective = machine.repeated(self._pending.effective, started, number)
        self._fresh = Verdict(
            State.UP, verdict.changed_at, verdict.reason, verdict.min_until_flip, State.UP, started
        )

    def forget(self, started: float, now: float) -> None:
        """The probe that began then was cancelled by others, and says nothing."""
        self._unsteady()
        if started in self._superseded:
            self._superseded.remove(started)
            self._pending.revise(
                lambda health: machine.superseded_ended(health, None, self.settings, now)
            )
        else:
            self._under_way = [start for start in self._under_way if start != started]

    def settle(self, cause: Cause, now: float, *, held: bool) -> TargetChange:
        """Publish what is known now that the cause of a missing response is, if there is one."""
        self._unsteady()
        self.held = held
        if cause is Cause.REMOTE:
            self._pending.confirm(now)
        elif cause is Cause.LOCAL:
            self._pending.discard(now)
        return self._publish(now)

    def end_superseded(self, outcome: Outcome, started: float, now: float) -> TargetChange:
        """A superseded probe has ended: its failure fills the bucket, and anything else is old."""
        self._superseded.remove(started)
        return self.revise(
            lambda health: machine.superseded_ended(health, outcome, self.settings, now), now
        )

    def adopt(self, settings: Probe, now: float) -> TargetChange:
        """Be judged by other settings; where they ask otherwise, no probe under way counts."""
        self._unsteady()
        alike, self.settings = settings.asks_alike(self.settings), settings
        if alike:
            return self._publish(now)
        self.tried = False
        self._asked_anew = "asked anew, as how it is probed has changed"
        self._under_way.clear()
        dropped = self._drop(math.inf, now)
        change = self.forgive(now)
        return change._replace(superseded=(*dropped, *change.superseded))

    def restore(self, kept: KeptHealth, now: float) -> None:
        """Begin with what an earlier process knew, which promises nothing until it is probed."""
        self._unsteady()
        self._pending = PendingHealth(kept.health)
        self.families.restore(kept.families)
        self._asked_anew = "asked anew, as the daemon was started again"
        self.known = True
        self._verdict, self._fresh = self._judged(now), None

    def forgive(self, now: float) -> TargetChange:
        """Hold no fall against it any more, nor against its families."""
        self.families.forgive()
        return self.revise(machine.without_penalty, now)

    def revise(
        self, change: Callable[[EndpointHealth], EndpointHealth], now: float
    ) -> TargetChange:
        """Change the health otherwise than by an outcome that counts, and publish it."""
        self._unsteady()
        self._pending.revise(change)
        return self._publish(now)

    def charge_nothing(self) -> None:
        """Hold no fall against it or its families, in what `settle` is about to publish."""
        self._unsteady()
        self.families.forgive()
        self._pending.revise(machine.without_penalty)

    def known_of_families(self) -> Mapping[Family, FamilyState]:
        """What is known of each family; empty where it is asked over one alone."""
        return self.families.known_of(self.settings)

    def damped(self, now: float) -> bool:
        """Whether its falls keep it or a family of it down, or would once that answers."""
        effective = self._pending.effective
        damped = machine.is_damped(effective, self.settings, now)
        return damped or self.families.is_damped(self.settings, now)

    @property
    def under_way(self) -> int:
        """How many probes that may count are under way."""
        return len(self._under_way)

    def is_superseded(self, started: float) -> bool:
        """Whether the probe that began at `started` is under way and superseded."""
        return started in self._superseded

    @property
    def serves(self) -> bool:
        """Whether traffic may be sent there."""
        return self._pending.effective.state.serves

    @property
    def fallen(self) -> bool:
        """Whether its outcomes withdraw it, those included whose cause is not known yet."""
        return not self._pending.worst.state.serves

    @property
    def up(self) -> bool:
        """Whether it serves, and no fewer than `fall` failures can change that."""
        return self._pending.effective.state is State.UP

    @property
    def unsettled(self) -> bool:
        """Whether a failure still counts, of the endpoint or of one of its families."""
        return self._pending.effective.level > 0 or self.families.unsettled(self.settings)

    @property
    def kept(self) -> KeptHealth | None:
        """What a later process may begin with; None while it is unknown."""
        self._take_repeats()
        effective = self._pending.effective
        known = effective.state is not State.UNKNOWN
        return KeptHealth(effective, self.families.kept) if known else None

    def _unsteady(self) -> None:
        """Something is about to change by which the next outcome may mean more than the last."""
        self._take_repeats()
        self._steady = None
        self.revision = next(_REVISIONS)

    def _drop(self, others: float, now: float) -> tuple[float, ...]:
        """Drop the youngest of the superseded until, with `others`, no more than `fall` are."""
        dropped = []
        self.revision = next(_REVISIONS)
        while self._superseded and len(self._superseded) + others > self.settings.fall:
            youngest = max(self._superseded)
            self._superseded.remove(youngest)
            dropped.append(youngest)
            self._pending.revise(
                lambda health: machine.superseded_ended(health, None, self.settings, now)
            )
        return tuple(dropped)

    def _publish(self, now: float) -> TargetChange:
        before, after = self.verdict, self._judged(now)
        if math.isinf(after.min_until_flip) and after == replace(
            self._verdict, probed_at=after.probed_at
        ):
            self._fresh = after
        else:
            self._verdict, self._fresh = after, None
        # This host may be at fault; or nobody is sent there, and failures do not add up.
        useless = self._superseded and (self.held or not self.serves)
        return TargetChange(before, after, self._drop(math.inf, now) if useless else ())

    def _judged(self, now: float) -> Verdict:
        """What is known; of settings that were never tried, nothing is promised."""
        verdict = self._pending.verdict(self.settings, now, held=self.held)
        verdict = self.families.over(verdict, self.settings)
        if self.tried or not self.known:
            return verdict
        reason = f"{verdict.reason}; {self._asked_anew}"
        return replace(verdict, reason=reason, min_until_flip=0.0, probed_at=now)


def _published(verdict: Verdict) -> tuple[object, ...]:
    """What of a verdict is worth a report when it changes."""
    return (
        verdict.state,
        verdict.changed_at,
        verdict.min_until_flip,
        verdict.condition,
        verdict.held_until,
        verdict.withheld,
    )
