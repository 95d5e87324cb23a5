"""One target's health while the cause of a missing response is not known; pure.

    effective     what those who steer see
    provisional   what the outcomes by themselves make of it; None while that is the effective one
    baseline      the health when the target stopped responding

Only a target that serves has a provisional health. `confirm` takes the failure for the target's own
and makes the provisional health the effective one; `discard` takes it for this host's and goes back
to `baseline`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from resolverd.config.probe import Probe
from resolverd.health import machine
from resolverd.health.machine import EndpointHealth
from resolverd.health.outcome import Outcome
from resolverd.health.verdict import Verdict


@dataclass(slots=True)
class PendingHealth:
    """The health in force, and what it may turn out to be."""

    effective: EndpointHealth
    provisional: EndpointHealth | None = None
    baseline: EndpointHealth | None = None

    def observe(self, outcome: Outcome, settings: Probe, now: float, started: float) -> None:
        """Take in one more outcome; one without a response takes effect once it is confirmed."""
        after = machine.observe(self.worst, outcome, settings, now, started)
        if outcome.responded:
            self.effective, self.provisional, self.baseline = after, None, None
            return
        self.baseline = self.baseline or self.effective
        if self.effective.state.serves:
            self.provisional = after
        else:
            self.effective = after

    def revise(self, change: Callable[[EndpointHealth], EndpointHealth]) -> None:
        """Change all three alike, for a reason that has nothing to do with this host."""
        self.effective = change(self.effective)
        self.provisional = change(self.provisional) if self.provisional else None
        self.baseline = change(self.baseline) if self.baseline else None

    def confirm(self, now: float) -> None:
        """The target itself is the cause."""
        if self.provisional is not None:
            self.effective, self.provisional = _flipped(self.effective, self.provisional, now), None

    def discard(self, now: float) -> None:
        """This host is the cause: no failure since the baseline counts."""
        if self.baseline is not None:
            self.effective, self.provisional = _flipped(self.effective, self.baseline, now), None
            self.baseline = self.effective

    @property
    def worst(self) -> EndpointHealth:
        """What is effective once a pending failure is confirmed."""
        return self.provisional or self.effective

    def verdict(self, settings: Probe, now: float, *, held: bool = False) -> Verdict:
        """The effective health; while pending or `held` it may change as soon as the worst."""
        effective = machine.verdict(self.effective, settings)
        if held:
            reason = f"held, as no region responds to this host; before that: {effective.reason}"
            return replace(effective, reason=reason, min_until_flip=0.0, probed_at=now)
        if self.provisional is None:
            return effective
        worst = machine.verdict(self.provisional, settings)
        min_until_flip = worst.min_until_flip if worst.serves else 0.0
        reason = f"{worst.reason}; probing the others to tell whether this host is the cause"
        return replace(
            effective, reason=reason, min_until_flip=min_until_flip, probed_at=worst.probed_at
        )


def _flipped(baseline: EndpointHealth, after: EndpointHealth, now: float) -> EndpointHealth:
    """`after`, in force from now on: where that changes whether it serves, it changed now."""
    return replace(after, changed_at=now) if baseline.state.serves != after.state.serves else after
