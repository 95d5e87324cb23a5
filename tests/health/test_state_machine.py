"""The endpoint state machine: a table of histories, and a slow oracle over random ones."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from resolverd.config.probe import Probe
from resolverd.health.machine import EndpointHealth, observe, verdict
from resolverd.health.outcome import Outcome
from resolverd.health.verdict import State

# No deadline for one example: a loaded machine is no defect.
unhurried = hypothesis_settings(deadline=None)
histories = st.lists(st.booleans(), min_size=1, max_size=40)
counts = st.integers(1, 5)


def settings(fall: int = 3, rise: int = 2, fast: float = 1.0) -> Probe:
    return Probe(fall=fall, rise=rise, fast_interval=fast)


def replay(history: Sequence[bool], probe: Probe) -> list[EndpointHealth]:
    """The health after each outcome; outcome number i comes at second i."""
    seen, health = [], EndpointHealth()
    for second, ok in enumerate(history):
        health = observe(health, Outcome(ok, "ok" if ok else "bad"), probe, float(second))
        seen.append(health)
    return seen


def oracle(history: Sequence[bool], fall: int, rise: int) -> tuple[State, float | None]:
    """State and since, read off the history by hand: look for the runs that flip it."""
    serving, since, run = history[0], None, 1
    for second in range(1, len(history)):
        run = run + 1 if history[second] == history[second - 1] else 1
        needed = fall if serving else rise
        # The first outcome alone already counted as the whole first run.
        if history[second] != serving and run >= needed:
            serving, since = not serving, float(second)
    last = history[-1]
    if serving:
        return (State.UP if last else State.SUSPECT), since
    return (State.RECOVERING if last else State.DOWN), since


@pytest.mark.parametrize(
    ("history", "fall", "rise", "states"),
    [
        ("+", 3, 2, "up"),
        ("-", 3, 2, "down"),
        ("+-", 3, 2, "up suspect"),
        ("+-+", 3, 2, "up suspect up"),
        ("+--+--+", 3, 2, "up suspect suspect up suspect suspect up"),
        ("+---", 3, 2, "up suspect suspect down"),
        ("+-", 1, 2, "up down"),
        ("-+", 3, 2, "down recovering"),
        ("-++", 3, 2, "down recovering up"),
        ("-+", 3, 1, "down up"),
        ("-+-++", 3, 2, "down recovering down recovering up"),
        ("-++-", 1, 2, "down recovering up down"),
    ],
)
def test_states_follow_the_outcomes(history: str, fall: int, rise: int, states: str) -> None:
    seen = replay([c == "+" for c in history], settings(fall, rise))
    assert [health.state.value for health in seen] == states.split()


@unhurried
@given(histories, counts, counts)
def test_state_and_since_equal_a_reading_of_the_whole_history(
    history: list[bool], fall: int, rise: int
) -> None:
    health = replay(history, settings(fall, rise))[-1]
    assert (health.state, health.since) == oracle(history, fall, rise)


@unhurried
@given(histories, counts, counts)
def test_counters_are_the_length_of_the_last_run(history: list[bool], fall: int, rise: int) -> None:
    health = replay(history, settings(fall, rise))[-1]
    length = len(list(next(iter(itertools.groupby(reversed(history))))[1]))
    assert (health.successes, health.failures) == ((length, 0) if history[-1] else (0, length))


@unhurried
@given(histories, counts, counts, st.sampled_from([0.05, 0.5, 1.0, 7.0]))
def test_soonest_is_the_earliest_flip_over_every_continuation(
    history: list[bool], fall: int, rise: int, fast: float
) -> None:
    probe = settings(fall, rise, fast if fast <= 5 else 5.0)
    now = replay(history, probe)[-1]
    flips = []
    for future in itertools.product([True, False], repeat=max(fall, rise)):
        health = now
        for step, ok in enumerate(future, start=1):
            health = observe(health, Outcome(ok, ""), probe, 0.0)
            if health.state.serves != now.state.serves:
                flips.append(step * probe.fast_interval)
                break
    soonest = verdict(now, probe).soonest
    if now.state is State.UP:
        assert math.isinf(soonest)
    else:
        assert soonest == min(flips)


def test_nothing_is_known_before_the_first_outcome() -> None:
    fresh = verdict(EndpointHealth(), settings())
    assert fresh.unknown
    assert not fresh.serves
    assert fresh.soonest == 0


def test_earliest_counts_from_the_start_of_the_last_probe() -> None:
    probe = settings(fall=3, fast=2.0)
    health = observe(EndpointHealth(), Outcome(True, "HTTP 200"), probe, 10.0, started=9.5)
    health = observe(health, Outcome(False, "HTTP 503"), probe, 16.0, started=15.0)
    assert verdict(health, probe).earliest == 15.0 + 2 * 2.0
    assert verdict(health, probe).reason == "HTTP 503"


def test_a_reload_that_lowers_fall_still_needs_one_more_failure() -> None:
    health = replay([True, False, False, False], settings(fall=5))[-1]
    probe = settings(fall=2, fast=1.0)
    assert verdict(health, probe).soonest == 1.0
    assert observe(health, Outcome(False, ""), probe, 9.0).state is State.DOWN
