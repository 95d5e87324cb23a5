"""The state machine of one endpoint, as a pure function of what its probes saw.

                      success
        ┌─────────┐  (first result)  ┌────┐ failure ┌─────────┐
        │ unknown ├────────────────► │ up ├────────►│ suspect │
        └────┬────┘                  └────┘◄────────┴────┬────┘
             │ failure                 ▲      success    │ failure, the fall-th in a row,
             │ (first result)          │                 ▼ or one that fills the bucket
             │       success, the      │ failure      ┌──────┐
             │       rise-th in a row, │ ┌───────────►│ down │◄─┐
             │       once its hold     │ │            └──┬───┘  │
             │       is over   ┌───────┴─┴──┐  success   │      │
             │                 │ recovering │◄───────────┘      │
             │                 └────────────┘                   │
             └──────────────────────────────────────────────────┘

`fall = 1` goes from up straight to down, `rise = 1` from down straight to up. The status
flips only between {up, suspect} and {down, recovering}; `changed_at` is the time of the last
flip, and None while what the first result said still stands.

Failures that are not in a row fill a bucket (`accrual`): up means that nothing less than `fall`
failures in a row can take it down, suspect that fewer can, also after a success. Each fall costs a
penalty that decays (`damping`): the first return is free, another so soon is held.

An outcome's condition may say more than success and failure do:

    withdraws   every state goes to down at once, whatever `fall` is; back by `rise` successes
    holds       no state and no count changes; unknown alone becomes up where it proves life

A probe that a later one's success superseded goes on, and may still fail (`superseded`,
`superseded_ended`): then it counts in the bucket, and not in a row.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from resolverd.config.probe import Probe
from resolverd.health import accrual, damping
from resolverd.health.outcome import Condition, Outcome
from resolverd.health.verdict import State, Verdict


@dataclass(frozen=True, slots=True)
class EndpointHealth:
    """Where the machine stands; `failures` and `successes` are consecutive, one of them 0.

    `changed_at` and `probed_at` (the start of the last probe that counted) are clock readings.
    `reason` and `condition` are the last probe's, even if it held the state. `level` is that of the
    bucket of failures, and `pending` how many probes that were superseded may still add to it.
    `penalty_until` is when the penalty for falls will have decayed.
    """

    state: State = State.UNKNOWN
    failures: int = 0
    successes: int = 0
    changed_at: float | None = None
    probed_at: float = -math.inf
    reason: str = "not probed yet"
    condition: Condition = Condition.NONE
    level: float = 0.0
    pending: int = 0
    penalty_until: float = damping.NO_PENALTY


def observe(
    health: EndpointHealth,
    outcome: Outcome,
    settings: Probe,
    now: float,
    started: float | None = None,
) -> EndpointHealth:
    """The health after one more probe, which began at `started` (default: `now`) and ended now."""
    unknown = health.state is State.UNKNOWN
    if outcome.condition.holds and not (unknown and outcome.ok):
        return replace(health, reason=outcome.reason, condition=outcome.condition)
    if unknown and outcome.condition.leaves_unknown:
        return replace(health, reason=outcome.reason, condition=outcome.condition)
    # Positional, as in `verdict`: this runs with each probe, and `replace` takes most of its time.
    counted = EndpointHealth(
        health.state,
        0 if outcome.ok else health.failures + 1,
        health.successes + 1 if outcome.ok else 0,
        health.changed_at,
        now if started is None else started,
        outcome.reason,
        outcome.condition,
        _level(health, outcome, settings),
        health.pending,
        health.penalty_until,
    )
    if outcome.condition.withdraws:
        return _enter(counted, State.DOWN, settings, now)
    if outcome.ok:
        return _enter(counted, _after_success(counted, settings, now), settings, now)
    after = _enter(counted, _after_failure(counted, settings), settings, now)
    return after if counted.failures >= settings.fall else _explained(health, after, outcome.reason)


def repeats(health: EndpointHealth, outcome: Outcome) -> bool:
    """Whether a success leaves one that is up as it is: with no failure or fall to forget."""
    return (
        health.state is State.UP
        and outcome.ok
        and outcome.reason == health.reason
        and outcome.condition is health.condition is Condition.NONE
        and not health.level
        and not health.failures
        and not health.pending
        and health.penalty_until == damping.NO_PENALTY
    )


def repeated(health: EndpointHealth, started: float, number: int = 1) -> EndpointHealth:
    """`observe` of `number` outcomes that `repeats`, the last of a probe begun at `started`."""
    successes = health.successes + number
    return EndpointHealth(State.UP, 0, successes, health.changed_at, started, health.reason)


def superseded(health: EndpointHealth, settings: Probe, now: float) -> EndpointHealth:
    """The health once a probe was superseded that is still under way, and so may yet fail."""
    return _reassessed(replace(health, pending=health.pending + 1), settings, now)


def superseded_ended(
    health: EndpointHealth, outcome: Outcome | None, settings: Probe, now: float
) -> EndpointHealth:
    """The health once a probe that was superseded is over; None: it was cancelled.

    A failure fills the bucket, all else is no news. What withdraws is here a failure like any
    other, for the later probe saw that it is over.
    """
    pending = max(0, health.pending - 1)
    if outcome is None or outcome.ok or outcome.condition.holds:
        return _reassessed(replace(health, pending=pending), settings, now)
    after = replace(health, pending=pending, level=health.level + 1)
    return _explained(health, _reassessed(after, settings, now), outcome.reason)


def without_penalty(health: EndpointHealth) -> EndpointHealth:
    """The health without the penalty for falls: its next return is free."""
    return replace(health, penalty_until=damping.NO_PENALTY)


def is_damped(health: EndpointHealth, settings: Probe, now: float) -> bool:
    """Whether its falls keep it down, or would once it answers."""
    held_until = damping.held_until(health.penalty_until, settings.flap_damping)
    return not health.state.serves and now < held_until


def held_until(health: EndpointHealth, settings: Probe) -> float | None:
    """Until when nothing but its penalty keeps it down; None when something else does."""
    if health.state is not State.RECOVERING or health.successes < settings.rise:
        return None
    until = damping.held_until(health.penalty_until, settings.flap_damping)
    return until if until > health.probed_at else None


def verdict(health: EndpointHealth, settings: Probe) -> Verdict:
    """What `health` means to those who steer."""
    held = held_until(health, settings)
    reason = health.reason
    if held is not None:
        reason = f"held down, as it fell again within {settings.flap_damping:g} s; {reason}"
    elif health.state is State.SUSPECT and not health.failures:
        reason = f"{reason}; earlier probes failed too often"
    return Verdict(
        health.state,
        health.changed_at,
        reason,
        _min_until_flip(health, settings),
        health.state,
        health.probed_at,
        None,
        health.condition,
        held,
    )


def _level(health: EndpointHealth, outcome: Outcome, settings: Probe) -> float:
    """That of the bucket, which is filled only while traffic is sent there."""
    if not health.state.serves:
        return 0.0
    if outcome.ok:
        return accrual.after_success(health.level, settings.max_failure_ratio)
    return health.level + 1


def _after_success(health: EndpointHealth, settings: Probe, now: float) -> State:
    if health.state is State.UP and not health.level and not health.pending:
        return State.UP
    if health.state.serves:
        return _serving_state(health, settings)
    if health.state is State.UNKNOWN:
        return State.UP
    damped = is_damped(health, settings, now)
    return State.RECOVERING if damped or health.successes < settings.rise else State.UP


def _after_failure(health: EndpointHealth, settings: Probe) -> State:
    if not health.state.serves or _failures_left(health, settings) <= 0:
        return State.DOWN
    return State.SUSPECT


def _reassessed(health: EndpointHealth, settings: Probe, now: float) -> EndpointHealth:
    """`health` in the state that its bucket now calls for, if it serves."""
    if not health.state.serves:
        return replace(health, level=0.0, pending=0)
    full = accrual.failures_left(health.level, 0, settings.fall) <= 0
    return _enter(health, State.DOWN if full else _serving_state(health, settings), settings, now)


def _serving_state(health: EndpointHealth, settings: Probe) -> State:
    """Of one that serves: up while no fewer than `fall` failures can take it down."""
    left = accrual.failures_left(health.level + health.pending, health.failures, settings.fall)
    return State.UP if left >= settings.fall else State.SUSPECT


def _enter(health: EndpointHealth, state: State, settings: Probe, now: float) -> EndpointHealth:
    """`health` in `state`; a fall is charged, and either flip empties the bucket."""
    if state is health.state:
        return health
    if health.state is State.UNKNOWN or state.serves == health.state.serves:
        return replace(health, state=state)
    penalty_until = health.penalty_until
    if not state.serves:
        penalty_until = damping.after_fall(penalty_until, now, settings.flap_damping)
    return replace(
        health, state=state, changed_at=now, level=0.0, pending=0, penalty_until=penalty_until
    )


def _explained(before: EndpointHealth, after: EndpointHealth, reason: str) -> EndpointHealth:
    """`after`; where it fell by failures that are not in a row, with that as the reason."""
    if before.state.serves == after.state.serves or before.state is State.UNKNOWN:
        return after
    return replace(after, reason=f"{reason}; too many probes fail, if not in a row")


def _failures_left(health: EndpointHealth, settings: Probe) -> int:
    return accrual.failures_left(health.level, health.failures, settings.fall)


def _min_until_flip(health: EndpointHealth, settings: Probe) -> float:
    """Seconds after the start of the last probe before the status could flip.

    A reload can lower `fall` or `rise` beneath the count already reached: one is still needed.
    Where a single outcome may withdraw, one is enough, however many failures are still to come;
    where those that were superseded can fill the bucket, none is.
    """
    fast = settings.fast_interval
    match health.state:
        case State.UP:
            return math.inf
        case State.SUSPECT:
            if accrual.failures_left(health.level + health.pending, 0, settings.fall) <= 0:
                return 0.0
            worst = replace(health, level=health.level + health.pending)
            needed = 1 if settings.may_withdraw else _failures_left(worst, settings)
            return max(1, needed) * fast
        case State.DOWN | State.RECOVERING:
            held = damping.held_until(health.penalty_until, settings.flap_damping)
            needed = max(1, settings.rise - health.successes)
            return max(needed * fast, held - health.probed_at)
        case State.UNKNOWN:
            return 0.0
