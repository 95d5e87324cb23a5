"""The verdict on a region: enough endpoints, the youngest change, the most fickle endpoint."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from resolverd.health.overrides import Override, OverrideKind
from resolverd.health.region import region_verdict
from resolverd.health.verdict import State, Verdict

# No deadline for one example: a loaded machine is no defect.
unhurried = hypothesis_settings(deadline=None)
LETTERS = {
    "u": State.UP,
    "s": State.SUSPECT,
    "d": State.DOWN,
    "r": State.RECOVERING,
    "?": State.UNKNOWN,
}


def endpoint(
    state: State,
    changed_at: float | None = None,
    min_until_flip: float = math.inf,
    probed_at: float = 0.0,
) -> Verdict:
    return Verdict(state, changed_at, state.value, min_until_flip, state, probed_at)


def endpoints(letters: str) -> list[Verdict]:
    return [endpoint(LETTERS[letter]) for letter in letters]


@pytest.mark.parametrize(
    ("letters", "needed", "state"),
    [
        ("u", 1, "up"),
        ("s", 1, "suspect"),
        ("su", 1, "up"),
        ("su", 2, "suspect"),
        ("ud", 2, "down"),
        ("ur", 2, "recovering"),
        ("dr", 2, "down"),
        ("ud", 1, "up"),
        ("d?", 1, "unknown"),
        ("u?", 1, "up"),
        ("u?d", 2, "unknown"),
        ("?dd", 2, "down"),
        ("r?", 1, "unknown"),
        ("", 1, "down"),
        ("uuu", 4, "down"),
    ],
)
def test_a_region_serves_while_enough_endpoints_do(letters: str, needed: int, state: str) -> None:
    assert region_verdict(endpoints(letters), needed, now=0.0).state.value == state


@unhurried
@given(st.text("usdr?", max_size=6), st.integers(1, 4))
def test_serving_and_unknown_agree_with_trying_every_way_unknowns_could_turn_out(
    letters: str, needed: int
) -> None:
    verdict = region_verdict(endpoints(letters), needed, now=0.0)
    serving = [letter in "us" for letter in letters]
    worst = sum(serving) >= needed
    best = sum(serving) + letters.count("?") >= needed
    assert verdict.serves is worst
    assert verdict.unknown is (best and not worst)


def test_since_is_the_youngest_change_and_none_when_all_is_settled() -> None:
    assert region_verdict(endpoints("uu"), 1, now=9.0).changed_at is None
    some = [endpoint(State.UP, 3.0), endpoint(State.UP, 7.0), endpoint(State.UP)]
    assert region_verdict(some, 1, now=9.0).changed_at == 7.0


def test_soonest_is_that_of_the_endpoint_that_could_flip_first() -> None:
    slow = endpoint(State.SUSPECT, min_until_flip=1.0, probed_at=20.0)
    quick = endpoint(State.DOWN, min_until_flip=2.0, probed_at=10.0)
    verdict = region_verdict([endpoint(State.UP), slow, quick], 1, now=21.0)
    assert (verdict.min_until_flip, verdict.no_flip_before) == (2.0, 12.0)


def test_the_regions_own_override_beats_its_endpoints() -> None:
    word = Override(OverrideKind.DRAIN, "ada", "upgrade", set_at=5.0, until=50.0)
    verdict = region_verdict(endpoints("uu"), 1, word, now=10.0)
    assert not verdict.serves
    assert verdict.measured is State.UP
    assert verdict.min_until_flip == 40.0


def test_a_region_kept_up_by_hand_is_as_fickle_as_its_endpoints() -> None:
    word = Override(OverrideKind.UP, "ada", "probe is wrong", set_at=5.0)
    verdict = region_verdict([endpoint(State.DOWN, 1.0, 2.0, probed_at=9.0)], 1, word, now=10.0)
    assert verdict.serves
    assert verdict.no_flip_before == 11.0


@pytest.mark.parametrize(
    ("letters", "reason"),
    [
        ("", "no endpoints"),
        ("d", "down"),
        ("uu", "2 of 2 endpoints serve"),
        ("ud", "1 of 2 endpoints serve; down"),
    ],
)
def test_the_reason_says_how_many_serve(letters: str, reason: str) -> None:
    assert region_verdict(endpoints(letters), 1, now=0.0).reason == reason
