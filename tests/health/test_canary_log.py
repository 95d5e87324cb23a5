"""When do canaries that fail show that a part of what is asked serves nobody?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.health.probes.canary_log import CanaryLog


def log_of(history: str) -> CanaryLog:
    """One canary a second: + was answered, - was not."""
    made = CanaryLog()
    for second, each in enumerate(history):
        made.add(float(second), answered=each == "+")
    return made


@pytest.mark.parametrize(
    ("history", "share", "partly"),
    [
        ("", 0, False),
        ("++++", 0, False),
        ("+++-", 0, False),  # one failure is one failure
        ("+++--", 2 / 5, False),  # and two in a row may be the beginning of an end
        ("----", 0, False),
        ("++-+-", 2 / 5, True),
        ("++-+--", 3 / 6, True),
        ("+++++-+---", 4 / 10, True),
        ("+++++-+----", 5 / 11, False),  # nobody has answered for too long
        ("+--+--", 4 / 6, False),  # two of three: too little is left
        ("-+-+-+-+-+-+", 1 / 2, True),
        ("--++++++++++++", 0, False),  # forgotten
    ],
)
def test_failures_among_successes_are_a_share(history: str, share: float, partly: bool) -> None:
    made, now = log_of(history), float(len(history))
    assert made.failing_share(now) == pytest.approx(share)
    if history.endswith("-"):
        assert made.partly_serves(now) is partly


def test_old_canaries_tell_nothing() -> None:
    made = log_of("+-+-")
    assert made.failing_share(4.0) == 0.5
    assert made.failing_share(1000.0) == 0
    assert not made.doubtful(1000.0)


@given(st.text(st.sampled_from("+-"), max_size=40), st.integers(4, 12))
def test_where_all_fail_nothing_serves_partly_for_long(before: str, row: int) -> None:
    assert not log_of(before + "-" * row).partly_serves(float(len(before) + row))
