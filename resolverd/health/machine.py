"""The state machine of one endpoint, as a pure function of what its probes saw.

                      success                       failure × fall
        ┌─────────┐  (first result)  ┌────┐ failure ┌─────────┐
        │ unknown ├────────────────► │ up ├────────►│ suspect │
        └────┬────┘                  └────┘◄────────┴────┬────┘
             │ failure                 ▲      success    │ failure, the fall-th in a row
             │ (first result)          │                 ▼
             │                 success,│ failure      ┌──────┐
             │          the rise-th in │ ┌───────────►│ down │◄─┐
             │                   a row │ │            └──┬───┘  │
             │                 ┌───────┴─┴──┐  success   │      │
             │                 │ recovering │◄───────────┘      │
             │                 └────────────┘                   │
             └──────────────────────────────────────────────────┘

`fall = 1` goes from up straight to down, `rise = 1` from down straight to up. The status
flips only between {up, suspect} and {down, recovering}; `since` is the time of the last
flip, and None while what the first result said still stands.

An outcome's condition may say more than success and failure do:

    withdraws   every state goes to down at once, whatever `fall` is; back by `rise` successes
    holds       no state and no count changes; unknown alone becomes up where it proves life
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from resolverd.config.probe import Probe
from resolverd.health.outcome import Condition, Outcome
from resolverd.health.verdict import State, Verdict


@dataclass(frozen=True, slots=True)
class EndpointHealth:
    """Where the machine stands; `failures` and `successes` are consecutive, one of them 0.

    `since` and `at` (the start of the last probe that counted) are clock readings. `reason` and
    `condition` are the last probe's, even if it held the state.
    """

    state: State = State.UNKNOWN
    failures: int = 0
    successes: int = 0
    since: float | None = None
    at: float = -math.inf
    reason: str = "not probed yet"
    condition: Condition = Condition.NONE


def observe(
    health: EndpointHealth,
    outcome: Outcome,
    settings: Probe,
    now: float,
    started: float | None = None,
) -> EndpointHealth:
    """The health after one more probe, which began at `started` (default: `now`) and ended now."""
    if outcome.condition.holds and not (health.state is State.UNKNOWN and outcome.ok):
        return replace(health, reason=outcome.reason, condition=outcome.condition)
    failures = 0 if outcome.ok else health.failures + 1
    successes = health.successes + 1 if outcome.ok else 0
    if outcome.condition.withdraws:
        state = State.DOWN
    elif outcome.ok:
        state = _after_success(health.state, successes, settings.rise)
    else:
        state = _after_failure(health.state, failures, settings.fall)
    adopted = health.state is State.UNKNOWN
    flipped = state.serves != health.state.serves and not adopted
    return EndpointHealth(
        state=state,
        failures=failures,
        successes=successes,
        since=now if flipped else health.since,
        at=now if started is None else started,
        reason=outcome.reason,
        condition=outcome.condition,
    )


def _after_success(state: State, successes: int, rise: int) -> State:
    if state in (State.DOWN, State.RECOVERING):
        return State.UP if successes >= rise else State.RECOVERING
    return State.UP


def _after_failure(state: State, failures: int, fall: int) -> State:
    if state.serves:
        return State.DOWN if failures >= fall else State.SUSPECT
    return State.DOWN


def verdict(health: EndpointHealth, settings: Probe) -> Verdict:
    """What `health` means to those who steer."""
    return Verdict(
        state=health.state,
        since=health.since,
        reason=health.reason,
        soonest=_soonest(health, settings),
        measured=health.state,
        at=health.at,
        condition=health.condition,
    )


def _soonest(health: EndpointHealth, settings: Probe) -> float:
    """Seconds after the start of the last probe before the status could flip.

    A reload can lower `fall` or `rise` beneath the count already reached: one is still needed.
    Where a single outcome may withdraw, one is enough, however many failures are still to come.
    """
    match health.state:
        case State.UP:
            return math.inf
        case State.SUSPECT:
            needed = 1 if settings.may_withdraw else settings.fall - health.failures
            return max(1, needed) * settings.fast_interval
        case State.DOWN | State.RECOVERING:
            return max(1, settings.rise - health.successes) * settings.fast_interval
        case State.UNKNOWN:
            return 0.0
