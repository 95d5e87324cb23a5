"""The phases of an address: raised before withdrawn, damped, and back; against a slow oracle."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.anycast.damping import Damping, Flaps, another, remembered, required
from resolverd.anycast.fitness import Reason
from resolverd.anycast.transitions import (
    Phase,
    RouteState,
    Rules,
    moved,
    observed,
    ready_in,
    wanted,
)

DAMPING = Damping(fit_for=10.0, most=80.0, forget=600.0)
WITHDRAWS, RAISES = Rules(False, 20.0, DAMPING), Rules(True, 20.0, DAMPING)
OUT, RAISED, IN = Phase.WITHDRAWN, Phase.RAISED, Phase.ANNOUNCED
FIT: tuple[Reason, ...] = ()
ISOLATED, DEAD = (Reason("isolated", ""),), (Reason("answer", ""),)
DRAINED = (Reason("draining", ""),)


@pytest.mark.parametrize(
    ("rules", "phase", "reasons", "then"),
    [
        (WITHDRAWS, IN, FIT, IN),
        (WITHDRAWS, IN, ISOLATED, OUT),
        (WITHDRAWS, OUT, ISOLATED, OUT),
        (RAISES, IN, ISOLATED, RAISED),
        (RAISES, IN, DEAD, OUT),
        (RAISES, IN, DRAINED, OUT),
        (RAISES, RAISED, ISOLATED, RAISED),
        (RAISES, RAISED, DEAD, OUT),
        (RAISES, OUT, ISOLATED, OUT),
    ],
)
def test_what_is_wanted_of_an_address_that_came_to_it_just_now(
    rules: Rules, phase: Phase, reasons: tuple[Reason, ...], then: Phase
) -> None:
    state = observed(RouteState(phase, 100.0), reasons, 100.0)
    assert wanted(state, reasons, rules, 100.0) is then


def test_a_raised_address_is_withdrawn_once_it_was_raised_for_long_enough() -> None:
    state = observed(RouteState(RAISED, 100.0), ISOLATED, 100.0)
    assert wanted(state, ISOLATED, RAISES, 119.9) is RAISED
    assert wanted(state, ISOLATED, RAISES, 120.0) is OUT


@pytest.mark.parametrize("phase", [OUT, RAISED])
def test_it_is_announced_once_it_was_fit_for_long_enough(phase: Phase) -> None:
    state = observed(RouteState(phase, 0.0), FIT, 100.0)
    assert wanted(state, FIT, RAISES, 109.9) is phase
    assert ready_in(state, RAISES, 104.0) == 6.0
    assert wanted(state, FIT, RAISES, 110.0) is IN


def test_one_bad_look_begins_the_wait_anew() -> None:
    state = observed(RouteState(OUT, 0.0), FIT, 100.0)
    state = observed(state, ISOLATED, 109.0)
    state = observed(state, FIT, 110.0)
    assert wanted(state, FIT, WITHDRAWS, 119.9) is OUT
    assert wanted(state, FIT, WITHDRAWS, 120.0) is IN


def test_each_unplanned_withdrawal_but_the_first_doubles_the_wait() -> None:
    state, waits = RouteState(IN, 0.0), []
    for number in range(6):
        state = moved(state, OUT, ISOLATED, WITHDRAWS, float(number))
        waits.append(required(state.flaps, DAMPING, float(number)))
        state = state._replace(phase=IN)
    assert waits == [10, 20, 40, 80, 80, 80]


@pytest.mark.parametrize(
    ("before", "after", "reasons", "count"),
    [(IN, OUT, DRAINED, 0), (IN, RAISED, ISOLATED, 1), (RAISED, OUT, ISOLATED, 0)],
)
def test_a_flap_is_what_ends_an_announcement_and_nobody_planned(
    before: Phase, after: Phase, reasons: tuple[Reason, ...], count: int
) -> None:
    state = moved(RouteState(before, 0.0), after, reasons, RAISES, 50.0)
    assert (state.phase, state.since, state.flaps.known) == (after, 50.0, count)


@given(st.lists(st.floats(0, 2000), min_size=1, max_size=12), st.floats(0, 5000))
def test_flaps_are_forgotten_one_by_one(gaps: list[float], rest: float) -> None:
    """Against a walk second by second over what was forgotten since the last withdrawal."""
    now, flaps, known = 0.0, Flaps(), 0
    for gap in gaps:
        known = _after(known, gap)
        now += gap
        assert remembered(flaps, DAMPING, now) == known
        flaps, known = another(flaps, DAMPING, now), known + 1
    assert remembered(flaps, DAMPING, now + rest) == _after(known, now + rest - flaps.at)
    assert DAMPING.fit_for <= required(flaps, DAMPING, now) <= DAMPING.most


def _after(known: int, gap: float) -> int:
    while gap >= DAMPING.forget and known:
        gap -= DAMPING.forget
        known -= 1
    return known
