"""Conditions in the state machine: what holds changes nothing, what withdraws asks no count."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from resolverd.config.probe import Probe
from resolverd.health.kinds.vllm import VllmProbe
from resolverd.health.machine import EndpointHealth, observe, verdict
from resolverd.health.outcome import Condition, Outcome
from resolverd.health.verdict import State

# No deadline for one example: a loaded machine is no defect.
unhurried = hypothesis_settings(deadline=None)
counts = st.integers(1, 4)

OUTCOMES = {
    "+": Outcome(True, "ok"),
    "-": Outcome(False, "bad"),
    "b": Outcome(True, "slow", condition=Condition.BUSY),
    "h": Outcome(False, "no token", condition=Condition.HUNG),
    "s": Outcome(True, "full", condition=Condition.SHEDDING),
    "g": Outcome(True, "a part hangs", condition=Condition.DEGRADED),
    "p": Outcome(False, "HTTP 503, no proof", condition=Condition.NO_PROOF),
    "n": Outcome(False, "nobody", condition=Condition.NO_BACKEND),
    "m": Outcome(False, "HTTP 401", condition=Condition.MISCONFIGURED),
    "u": Outcome(False, "budget spent", condition=Condition.UNPROVEN),
    "d": Outcome(False, "HTTP 500", condition=Condition.DRAINING),
    "w": Outcome(False, "HTTP 404", condition=Condition.WRONG_MODEL),
}


def replay(history: str, probe: Probe) -> list[EndpointHealth]:
    """The health after each outcome; outcome number i comes at second i."""
    seen, health = [], EndpointHealth()
    for second, letter in enumerate(history):
        health = observe(health, OUTCOMES[letter], probe, float(second))
        seen.append(health)
    return seen


@pytest.mark.parametrize(
    ("history", "states"),
    [
        # busy is a success, hung a failure that counts
        ("b", "up"),
        ("h", "down"),
        ("+hhh", "up suspect suspect down"),
        ("-bb", "down recovering up"),
        # what holds changes neither the state nor the counts
        ("+smu", "up up up up"),
        ("+-s-m-", "up suspect suspect suspect suspect down"),
        ("-+s+", "down recovering recovering up"),
        ("-sss", "down down down down"),
        # from unknown: turning requests away proves life, our own mistake proves nothing
        ("s", "up"),
        ("m+", "unknown up"),
        ("m-", "unknown down"),
        ("uu", "unknown unknown"),
        # full, and no proof of life: teaches nothing of what is unknown, and is a failure else
        ("pppp", "unknown unknown unknown unknown"),
        ("pp+ppp", "unknown unknown up suspect suspect down"),
        ("+nnn", "up suspect suspect down"),
        ("n", "down"),
        ("-gg", "down recovering up"),
        # what withdraws is down at once, and comes back by `rise`
        ("d", "down"),
        ("w", "down"),
        ("+d", "up down"),
        ("+-w++", "up suspect down recovering up"),
        ("-+d++", "down recovering down recovering up"),
    ],
)
def test_conditions_decide_what_an_outcome_means(history: str, states: str) -> None:
    seen = replay(history, Probe(fall=3, rise=2))
    assert [health.state.value for health in seen] == states.split()


@pytest.mark.parametrize("letter", OUTCOMES)
def test_a_verdict_carries_the_condition_and_reason_of_the_last_probe(letter: str) -> None:
    judged = verdict(replay(f"+{letter}", Probe())[-1], Probe())
    assert (judged.condition, judged.reason) == (
        OUTCOMES[letter].condition,
        OUTCOMES[letter].reason,
    )
    assert verdict(replay(f"+{letter}+", Probe())[-1], Probe()).condition is Condition.NONE


def test_a_hold_moves_no_moment_that_was_promised() -> None:
    probe = Probe(fall=3, fast_interval=1.0)
    before = verdict(replay("+-", probe)[-1], probe)
    after = verdict(replay("+-smu", probe)[-1], probe)
    assert (after.changed_at, after.probed_at, after.min_until_flip) == (
        before.changed_at,
        before.probed_at,
        before.min_until_flip,
    )


@unhurried
@given(st.text(st.sampled_from("+-bhsmudw"), min_size=1, max_size=20), counts, counts)
def test_soonest_is_the_earliest_flip_over_every_continuation_with_withdrawals(
    history: str, fall: int, rise: int
) -> None:
    probe = VllmProbe(fall=fall, rise=rise, fast_interval=1.0, flap_damping=0.0)
    now = replay(history, probe)[-1]
    flips = []
    for future in itertools.product("+-sd", repeat=max(fall, rise)):
        health = now
        for step, letter in enumerate(future, start=1):
            health = observe(health, OUTCOMES[letter], probe, len(history) - 1.0 + step)
            if health.state.serves != now.state.serves:
                flips.append(step)
                break
    min_until_flip = verdict(now, probe).min_until_flip
    if now.state is State.UP:
        assert math.isinf(min_until_flip)  # nothing is promised while all is well
    elif now.state is State.UNKNOWN:
        assert min_until_flip == 0
    else:
        assert min_until_flip == min(flips)


def test_a_withdrawal_is_a_flip_with_its_own_moment() -> None:
    assert replay("+d", Probe())[-1].changed_at == 1.0
    assert replay("+dd", Probe())[-1].changed_at == 1.0


@unhurried
@given(st.text(st.sampled_from("+-bhsmudw"), min_size=1, max_size=40), st.integers(1, 5))
def test_a_history_without_its_holds_leads_to_the_same_state(history: str, fall: int) -> None:
    telling = history.lstrip("mu")
    if telling.startswith("s"):
        telling = "+" + telling[1:]  # adopted as up
    telling = "".join(letter for letter in telling if letter not in "smu")
    full = replay(history, Probe(fall=fall))[-1]
    bare = replay(telling, Probe(fall=fall))[-1] if telling else EndpointHealth()
    assert (full.state, full.failures) == (bare.state, bare.failures)
    assert (full.changed_at is None) == (bare.changed_at is None)
