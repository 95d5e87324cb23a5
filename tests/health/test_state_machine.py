"""The endpoint state machine: a table of histories, and a slow oracle over random ones."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from resolverd.config.probe import Probe
from resolverd.health.machine import (
    EndpointHealth,
    observe,
    superseded,
    superseded_ended,
    verdict,
    without_penalty,
)
from resolverd.health.outcome import Condition, Outcome
from resolverd.health.verdict import State

# No deadline for one example: a loaded machine is no defect.
unhurried = hypothesis_settings(deadline=None)
histories = st.lists(st.booleans(), min_size=1, max_size=40)
counts = st.integers(1, 5)


# Of each share, what a success takes out of the bucket: nothing is left of it at a share of 1.
LEAKS = {0.2: Fraction(1, 4), 0.5: Fraction(1), 1.0: Fraction(10**6)}
ratios = st.sampled_from([*LEAKS])
dampings = st.sampled_from([0.0, 1.0, 4.0, 15.0, 100.0])


def settings(
    fall: int = 3, rise: int = 2, fast: float = 1.0, ratio: float = 0.5, damping: float = 0.0
) -> Probe:
    return Probe(
        fall=fall,
        rise=rise,
        fast_interval=fast,
        max_failure_ratio=ratio,
        flap_damping=damping,
    )


def replay(history: Sequence[bool], probe: Probe) -> list[EndpointHealth]:
    """The health after each outcome; outcome number i comes at second i."""
    seen, health = [], EndpointHealth()
    for second, ok in enumerate(history):
        health = observe(health, Outcome(ok, "ok" if ok else "bad"), probe, float(second))
        seen.append(health)
    return seen


def last_run(history: Sequence[bool]) -> int:
    """How many outcomes at the end are the same."""
    return len(list(next(iter(itertools.groupby(reversed(history))))[1]))


def bucket(history: Sequence[bool], leak: Fraction) -> Fraction:
    """Its level after these outcomes, while traffic was sent there."""
    level = Fraction(0)
    for ok in history:
        level = max(Fraction(0), level - leak) if ok else level + 1
    return level


def penalty(falls: Sequence[int], now: int, period: float) -> Fraction:
    """What is left of one for each fall, when one decays in each period: second by second."""
    left = Fraction(0)
    for second in range(now + 1):
        left = max(Fraction(0), left - 1 / Fraction(period)) + falls.count(second)
    return left


def oracle(
    history: Sequence[bool], fall: int, rise: int, ratio: float, damping: float
) -> tuple[State, float | None]:
    """State and since, read off the whole history by hand for each second of it."""
    serving, changed, falls = history[0], 0, list[int]()
    since: float | None = None
    level = Fraction(0)
    for now in range(1, len(history)):
        so_far = history[: now + 1]
        run, ok = last_run(so_far), history[now]
        level = bucket(so_far[changed + 1 :], LEAKS[ratio]) if serving else Fraction(0)
        fell = serving and not ok and (run >= fall or level >= 2 * fall)
        held = bool(damping) and penalty(falls, now, damping) > 1
        rose = not serving and ok and run >= rise and not held
        if fell or rose:
            serving, changed, since, level = rose, now, float(now), Fraction(0)
        if fell:
            falls.append(now)
    if serving:
        unshaken = history[-1] and level < fall + 1 and len(history) > 1
        return (State.UP if unshaken or len(history) == 1 else State.SUSPECT), since
    return (State.RECOVERING if history[-1] else State.DOWN), since


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
        # failures that are not in a row add up: here each success takes one out of six
        (
            "+--+--+--+--",
            3,
            2,
            "up suspect suspect up suspect suspect up suspect suspect up suspect suspect",
        ),
        ("+-+-+-", 3, 2, "up suspect up suspect up suspect"),
    ],
)
def test_states_follow_the_outcomes(history: str, fall: int, rise: int, states: str) -> None:
    seen = replay([c == "+" for c in history], settings(fall, rise))
    assert [health.state.value for health in seen] == states.split()


@unhurried
@given(histories, counts, counts, ratios, dampings)
def test_state_and_since_equal_a_reading_of_the_whole_history(
    history: list[bool], fall: int, rise: int, ratio: float, damping: float
) -> None:
    probe = settings(fall, rise, ratio=ratio, damping=damping)
    health = replay(history, probe)[-1]
    assert (health.state, health.changed_at) == oracle(history, fall, rise, ratio, damping)


@unhurried
@given(histories, counts, counts)
def test_counters_are_the_length_of_the_last_run(history: list[bool], fall: int, rise: int) -> None:
    health = replay(history, settings(fall, rise))[-1]
    length = last_run(history)
    assert (health.successes, health.failures) == ((length, 0) if history[-1] else (0, length))


def first_flips(now: EndpointHealth, probe: Probe, at: float, most: int) -> list[int]:
    """After how many more probes, a fast_interval apart, the status flips, by each continuation."""
    flips = []
    for future in itertools.product([True, False], repeat=most):
        health = now
        for step, ok in enumerate(future, start=1):
            when = at + step * probe.fast_interval
            health = observe(health, Outcome(ok, ""), probe, when)
            if health.state.serves != now.state.serves:
                flips.append(step)
                break
    return flips


@unhurried
@given(histories, counts, counts, st.sampled_from([0.05, 0.5, 1.0, 5.0]), ratios)
def test_soonest_is_the_earliest_flip_over_every_continuation(
    history: list[bool], fall: int, rise: int, fast: float, ratio: float
) -> None:
    probe = settings(fall, rise, fast, ratio)
    now = replay(history, probe)[-1]
    flips = first_flips(now, probe, len(history) - 1.0, max(fall, rise))
    min_until_flip = verdict(now, probe).min_until_flip
    if now.state is State.UP:
        assert math.isinf(min_until_flip)
        assert min(flips) == fall  # up is what no fewer failures can take down
    else:
        assert min_until_flip == min(flips) * fast


@unhurried
@given(histories, st.integers(1, 2), st.integers(1, 2), dampings.filter(lambda d: d <= 15))
def test_soonest_is_the_end_of_a_hold_where_that_is_later(
    history: list[bool], fall: int, rise: int, damping: float
) -> None:
    probe = settings(fall, rise, 1.0, damping=damping)
    now = replay(history, probe)[-1]
    if now.state.serves:
        return
    health, step = now, 0
    while not health.state.serves:  # nothing is sooner than success after success
        step += 1
        health = observe(health, Outcome(True, ""), probe, len(history) - 1.0 + step)
    assert verdict(now, probe).min_until_flip == step
    held = verdict(now, probe).held_until
    assert (held is not None) == (now.successes >= rise)
    if held is not None:
        assert held == len(history) - 1.0 + step


@unhurried
@given(histories, counts, ratios, st.integers(1, 3), st.lists(st.booleans(), max_size=3))
def test_soonest_reckons_with_what_was_superseded_and_may_yet_fail(
    history: list[bool], fall: int, ratio: float, pending: int, ends: list[bool]
) -> None:
    """Whatever those under way come to, in whatever order, no flip comes before what was told."""
    probe = settings(fall, 2, ratio=ratio)
    health, at = replay(history, probe)[-1], len(history) - 1.0
    if not health.state.serves:
        return
    for _ in range(pending):
        health = superseded(health, probe, at)
    promised = verdict(health, probe)
    for ok in ends[:pending]:
        health = superseded_ended(health, Outcome(ok, ""), probe, at)
    if promised.state is State.UP:
        assert health.state is State.UP  # it stays what no fewer than `fall` can take down
    elif not health.state.serves:
        assert promised.min_until_flip == 0
    else:
        flips = first_flips(health, probe, at, fall)
        assert promised.min_until_flip <= min(flips)


def test_a_probe_that_was_superseded_and_ends_well_or_is_dropped_leaves_no_trace() -> None:
    probe = settings()
    before = replay([True, False, False, True], probe)[-1]
    for end in (Outcome(True, "late"), Outcome(False, "", condition=Condition.UNPROVEN), None):
        assert superseded_ended(superseded(before, probe, 9.0), end, probe, 9.0) == before


def test_what_was_superseded_can_take_it_down_and_says_why() -> None:
    probe = settings()
    health = replay([True], probe)[-1]
    for _ in range(6):
        health = superseded_ended(
            superseded(health, probe, 8.0), Outcome(False, "timed out"), probe, 9.0
        )
    assert (health.state, health.changed_at) == (State.DOWN, 9.0)
    assert health.reason == "timed out; too many probes fail, if not in a row"


def test_without_the_penalty_the_next_return_is_free() -> None:
    probe = settings(1, 1, damping=100.0)
    fallen = replay([True, False, True, False], probe)[-1]
    assert observe(fallen, Outcome(True, ""), probe, 4.0).state is State.RECOVERING
    assert observe(without_penalty(fallen), Outcome(True, ""), probe, 4.0).state is State.UP


def test_nothing_is_known_before_the_first_outcome() -> None:
    fresh = verdict(EndpointHealth(), settings())
    assert fresh.unknown
    assert not fresh.serves
    assert fresh.min_until_flip == 0


def test_earliest_counts_from_the_start_of_the_last_probe() -> None:
    probe = settings(fall=3, fast=2.0)
    health = observe(EndpointHealth(), Outcome(True, "HTTP 200"), probe, 10.0, started=9.5)
    health = observe(health, Outcome(False, "HTTP 503"), probe, 16.0, started=15.0)
    assert verdict(health, probe).no_flip_before == 15.0 + 2 * 2.0
    assert verdict(health, probe).reason == "HTTP 503"


def test_a_reload_that_lowers_fall_still_needs_one_more_failure() -> None:
    health = replay([True, False, False, False], settings(fall=5))[-1]
    probe = settings(fall=2, fast=1.0)
    assert verdict(health, probe).min_until_flip == 1.0
    assert observe(health, Outcome(False, ""), probe, 9.0).state is State.DOWN
