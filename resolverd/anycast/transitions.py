"""What is announced of one address, and what should be: withdrawn, raised or announced.

    withdrawn ── fit for long enough (damping) ─────────────────► announced
    announced ── unfit ─► raised, in mode metric ── unfit for raised_for ─► withdrawn
             └── unfit, in mode withdraw; or the DNS answer is dead; or drained ─┘
    raised ── fit for long enough ─► announced

Pure. `RouteState` is one address at one moment, in readings of the monotonic clock. Whether the
fleet lets an address be withdrawn is asked by whoever carries the change out (`floor`): one that
is not let stays as it is, or is raised.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from resolverd.anycast.damping import Damping, Flaps, another, required
from resolverd.anycast.fitness import Reason, is_dead, is_operators, is_planned


class Phase(StrEnum):
    """What the speaker tells of an address."""

    WITHDRAWN = "withdrawn"
    RAISED = "raised"
    ANNOUNCED = "announced"


class Rules(NamedTuple):
    """Whether the metric is raised before a withdrawal, for how many seconds; and damping."""

    raises: bool
    raised_for: float
    damping: Damping


class RouteState(NamedTuple):
    """An address: its phase since when, and since when it is fit or not (one of them None)."""

    phase: Phase
    since: float
    fit_since: float | None = None
    unfit_since: float | None = None
    flaps: Flaps = Flaps()


def observed(state: RouteState, reasons: tuple[Reason, ...], now: float) -> RouteState:
    """The state after a look that found these reasons against it."""
    if reasons:
        since = now if state.unfit_since is None else state.unfit_since
        return state._replace(fit_since=None, unfit_since=since)
    since = now if state.fit_since is None else state.fit_since
    return state._replace(fit_since=since, unfit_since=None)


def wanted(state: RouteState, reasons: tuple[Reason, ...], rules: Rules, now: float) -> Phase:
    """The phase that it should have; `state` is that of this look (`observed`)."""
    if not reasons:
        if state.phase is Phase.ANNOUNCED or ready_in(state, rules, now) <= 0:
            return Phase.ANNOUNCED
        return state.phase
    at_once = is_dead(reasons) or is_operators(reasons) or not rules.raises
    if state.phase is Phase.WITHDRAWN or at_once:
        return Phase.WITHDRAWN
    if state.phase is Phase.ANNOUNCED:
        return Phase.RAISED
    raised = now - state.since
    return Phase.WITHDRAWN if raised >= rules.raised_for else Phase.RAISED


def ready_in(state: RouteState, rules: Rules, now: float) -> float:
    """Seconds for which a fit address is still kept from being announced; 0 or less: it is not."""
    if state.fit_since is None:
        return required(state.flaps, rules.damping, now)
    return required(state.flaps, rules.damping, now) - (now - state.fit_since)


def moved(
    state: RouteState, phase: Phase, reasons: tuple[Reason, ...], rules: Rules, now: float
) -> RouteState:
    """The state once the speaker has proved the phase; an unplanned end counts as a flap."""
    if phase is state.phase:
        return state
    flaps = state.flaps
    if state.phase is Phase.ANNOUNCED and not is_planned(reasons):
        flaps = another(flaps, rules.damping, now)
    return state._replace(phase=phase, since=now, flaps=flaps)
