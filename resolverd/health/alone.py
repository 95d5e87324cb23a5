"""A target that is judged alone: nobody else's probes tell why it does not respond."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from resolverd.health.all_targets import AllTargetsHealth, Member
from resolverd.health.outcome import Outcome
from resolverd.health.target import Target
from resolverd.health.target_health import TargetHealth

if TYPE_CHECKING:
    from resolverd.health.watch import Watch


def judged_alone(
    target: Target, health: TargetHealth, clock: Callable[[], float]
) -> Callable[[Watch, Outcome, float], None]:
    """Where outcomes of a target go that is compared with no other."""
    alone = AllTargetsHealth(0.0)
    alone.replace({target.id: Member(target.region, health)}, {target.id}, clock())

    def ended(watch: Watch, outcome: Outcome, started: float) -> None:
        change = alone.observe(target.id, outcome, started, clock(), overridden=watch.overridden)
        watch.apply(change.targets[target.id])

    return ended
