"""One target's health while it is not known whose fault its silence is; pure.

    shown    what those who steer see
    alone    what the outcomes by themselves make of it; None while that is what is shown
    before   the health when its silence began

Only the silence of a target that serves is put on trial. `convict` takes it for the target's own
and shows what the outcomes make of it; `acquit` takes it for this host's and goes back to `before`.
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
class Trial:
    """Health as it is shown, and as it may turn out to be."""

    shown: EndpointHealth
    alone: EndpointHealth | None = None
    before: EndpointHealth | None = None

    def observe(self, outcome: Outcome, settings: Probe, now: float, started: float) -> None:
        """Take in one more outcome; a silent one is shown once somebody is convicted of it."""
        after = machine.observe(self.alone or self.shown, outcome, settings, now, started)
        if outcome.heard:
            self.shown, self.alone, self.before = after, None, None
            return
        self.before = self.before or self.shown
        if self.shown.state.serves:
            self.alone = after
        else:
            self.shown = after

    def revise(self, change: Callable[[EndpointHealth], EndpointHealth]) -> None:
        """Change all of it alike, by something that says nothing of this host."""
        self.shown = change(self.shown)
        self.alone = change(self.alone) if self.alone else None
        self.before = change(self.before) if self.before else None

    def convict(self, now: float) -> None:
        """The silence was the target's own."""
        if self.alone is not None:
            self.shown, self.alone = _flipped(self.shown, self.alone, now), None

    def acquit(self, now: float) -> None:
        """The silence was this host's: nothing that came of it counts."""
        if self.before is not None:
            self.shown, self.alone = _flipped(self.shown, self.before, now), None
            self.before = self.shown

    def verdict(self, settings: Probe, now: float, *, unsure: bool = False) -> Verdict:
        """What is shown; on trial, or `unsure`, it may change as soon as it could at worst."""
        shown = machine.verdict(self.shown, settings)
        if unsure:
            reason = f"held, as nothing is heard from here; before that: {shown.reason}"
            return replace(shown, reason=reason, soonest=0.0, at=now)
        if self.alone is None:
            return shown
        worst = machine.verdict(self.alone, settings)
        soonest = worst.soonest if worst.serves else 0.0
        reason = f"{worst.reason}; asking the others whether it is this host's fault"
        return replace(shown, reason=reason, soonest=soonest, at=worst.at)


def _flipped(before: EndpointHealth, after: EndpointHealth, now: float) -> EndpointHealth:
    """`after`, shown from now on: where that changes whether it serves, it changed now."""
    return replace(after, since=now) if before.state.serves != after.state.serves else after
