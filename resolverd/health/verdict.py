"""What health says of an endpoint or a region: a state, a reason, since when, how soon it may flip.

A `Verdict` is a plain value. Its times are seconds of the monotonic clock, and it promises:

    the serving status cannot change before `probed_at + min_until_flip`

for as long as nothing newer replaces it: `probed_at` is the start of the last probe that counted,
and probes that can complete a change start at least `fast_interval` apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum

from resolverd.health.family import Family
from resolverd.health.outcome import Condition
from resolverd.health.overrides import Override, OverrideKind


class State(StrEnum):
    """Unknown is a state of its own: it never counts as healthy nor as dead."""

    UNKNOWN = "unknown"
    UP = "up"
    SUSPECT = "suspect"
    DOWN = "down"
    RECOVERING = "recovering"

    @property
    def serves(self) -> bool:
        """Whether traffic may be sent there: up, or up until proven otherwise."""
        return self is State.UP or self is State.SUSPECT


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state in force, and how it came about.

    `changed_at`: when it last changed between serving and not; None when it was adopted in the
    first round and so is settled. `min_until_flip`: seconds, counted from `probed_at`, before
    serving could change: infinite while up without a failure, 0 while unknown. `measured`: what
    probes say, which `state` equals unless an override is in force. `condition`: what the last
    probe showed beyond that. `held_until`: the clock reading until which flap damping alone keeps
    it down, None while anything else does. `withheld`: families over which alone it does not serve,
    and whose addresses are not handed out.
    """

    state: State
    changed_at: float | None
    reason: str
    min_until_flip: float
    measured: State
    probed_at: float = -math.inf
    override: Override | None = None
    condition: Condition = Condition.NONE
    held_until: float | None = None
    withheld: frozenset[Family] = frozenset()

    @property
    def serves(self) -> bool:
        """Whether traffic may be sent there."""
        return self.state.serves

    @property
    def unknown(self) -> bool:
        """Whether nothing has been learned yet."""
        return self.state is State.UNKNOWN

    @property
    def no_flip_before(self) -> float:
        """The clock reading before which the serving status cannot change."""
        return math.inf if math.isinf(self.min_until_flip) else self.probed_at + self.min_until_flip


UNKNOWN = Verdict(State.UNKNOWN, None, "not probed yet", 0.0, State.UNKNOWN)


def overridden(
    verdict: Verdict, override: Override | None, now: float, ended: float | None = None
) -> Verdict:
    """`verdict` under an operator's override, or after one that ended at `ended`.

    Setting an override and its end are both changes: `changed_at` says so. While it holds,
    nothing measured can flip the status, so `min_until_flip` is the time until it ends. What is
    held up is so over every family, or one that comes and goes by what is measured would change
    the answer all the same.
    """
    if override is None or not override.active(now):
        if ended is None:
            return verdict
        return replace(
            verdict,
            changed_at=ended if verdict.changed_at is None else max(verdict.changed_at, ended),
        )
    up = override.kind is OverrideKind.UP
    return replace(
        verdict,
        state=State.UP if up else State.DOWN,
        changed_at=override.set_at,
        reason=f"{override.kind} by {override.who}: {override.why}",
        min_until_flip=override.remaining(now),
        probed_at=now,
        override=override,
        held_until=None,
        withheld=frozenset() if up else verdict.withheld,
    )
