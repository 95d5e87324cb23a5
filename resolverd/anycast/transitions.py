"""What is announced of one address, and what should be: withdrawn, raised or announced.

    withdrawn ── fit for long enough (damping) ─────────────────► announced
    announced ── unfit ─► raised, in mode metric ── unfit for raised_for ─► withdrawn
             └── unfit, in mode withdraw; or the DNS answer is dead; or drained ─┘
    raised ── fit for long enough ─► announced

Pure. `Standing` is one address at one moment, in readings of the monotonic clock. Whether the
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


class Standing(NamedTuple):
    """An address: its phase since when, and since when it is fit or not (one of them None)."""

    phase: Phase
    since: float
    fit_since: float | None = None
    unfit_since: float | None = None
    flaps: Flaps = Flaps()


def observed(standing: Standing, reasons: tuple[Reason, ...], now: float) -> Standing:
    """The standing after a look that found these reasons against it."""
    if reasons:
        since = now if standing.unfit_since is None else standing.unfit_since
        return standing._replace(fit_since=None, unfit_since=since)
    since = now if standing.fit_since is None else standing.fit_since
    return standing._replace(fit_since=since, unfit_since=None)


def wanted(standing: Standing, reasons: tuple[Reason, ...], rules: Rules, now: float) -> Phase:
    """The phase that it should have; `standing` is that of this look (`observed`)."""
    if not reasons:
        if standing.phase is Phase.ANNOUNCED or ready_in(standing, rules, now) <= 0:
            return Phase.ANNOUNCED
        return standing.phase
    at_once = is_dead(reasons) or is_operators(reasons) or not rules.raises
    if standing.phase is Phase.WITHDRAWN or at_once:
        return Phase.WITHDRAWN
    if standing.phase is Phase.ANNOUNCED:
        return Phase.RAISED
    raised = now - standing.since
    return Phase.WITHDRAWN if raised >= rules.raised_for else Phase.RAISED


def ready_in(standing: Standing, rules: Rules, now: float) -> float:
    """Seconds for which a fit address is still kept from being announced; 0 or less: it is not."""
    if standing.fit_since is None:
        return required(standing.flaps, rules.damping, now)
    return required(standing.flaps, rules.damping, now) - (now - standing.fit_since)


def moved(
    standing: Standing, phase: Phase, reasons: tuple[Reason, ...], rules: Rules, now: float
) -> Standing:
    """The standing once the speaker has proved the phase; an unplanned end counts as a flap."""
    if phase is standing.phase:
        return standing
    flaps = standing.flaps
    if standing.phase is Phase.ANNOUNCED and not is_planned(reasons):
        flaps = another(flaps, rules.damping, now)
    return standing._replace(phase=phase, since=now, flaps=flaps)
