"""What an answer about a hostname changes, by a table and by a slow oracle over histories."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.health.resolved import LOW_TTL, MIN_INTERVAL, Family, next_lookup

GRACE = 15.0
steps = st.lists(
    st.tuples(
        st.floats(0.1, 40), st.sampled_from(("found", "absent", "failed")), st.floats(0, 400)
    ),
    max_size=12,
)


@given(steps)
def test_addresses_go_only_after_a_grace_time_of_absences_alone(
    history: list[tuple[float, str, float]],
) -> None:
    family, now = Family(), 0.0
    for at, (wait, what, ttl) in enumerate(history):
        now += wait
        if what == "found":
            family = family.found((f"192.0.2.{at}",), ttl, now)
        elif what == "absent":
            family = family.absent(ttl, now, GRACE)
        else:
            family = family.failed()
        assert family.addresses == _expected(history[: at + 1])
        assert family.holds_until(now) >= now + MIN_INTERVAL
        known = [ttl for _, kind, ttl in history[: at + 1] if kind == "found"]
        if family.addresses and what != "found":
            assert family.holds_until(now) <= now + max(MIN_INTERVAL, known[-1])
        if family.state == "going":
            assert family.holds_until(now) <= now + max(MIN_INTERVAL, min(LOW_TTL, known[-1]))


def _expected(history: list[tuple[float, str, float]]) -> tuple[str, ...]:
    """The addresses of the last answer that had some, unless a run of absences outlasted it."""
    now = 0.0
    held: tuple[str, ...] = ()
    run: list[float] = []
    for at, (wait, what, _) in enumerate(history):
        now += wait
        run = [*run, now] if what == "absent" else []
        if what == "found":
            held = (f"192.0.2.{at}",)
        elif run and held and run[-1] - run[0] >= GRACE:
            held = ()
    return held


@pytest.mark.parametrize(
    ("family", "now", "left"),
    [
        (Family().found(("192.0.2.1",), 5, 100), 100, 5),
        (Family().found(("192.0.2.1",), 5, 100), 103, 2),
        (Family().found(("192.0.2.1",), 5, 100), 104.5, 1),
        (Family().found(("192.0.2.1",), 0, 100), 100, 1),
        (Family().found(("192.0.2.1",), 300, 100).failed(), 200, 200),
        (Family().found(("192.0.2.1",), 300, 100).failed(), 500, 5),
        (Family().found(("192.0.2.1",), 2, 100).failed(), 500, 2),
        (Family().found(("192.0.2.1",), 300, 100).absent(900, 110, GRACE), 110, 5),
        (Family().absent(60, 100, GRACE), 130, 30),
    ],
)
def test_how_long_an_answer_may_be_kept(family: Family, now: float, left: float) -> None:
    assert family.holds_until(now) - now == left


@pytest.mark.parametrize(
    ("family", "failing", "wait"),
    [
        (Family().found(("192.0.2.1",), 60, 0), False, 30),
        (Family().found(("192.0.2.1",), 1.5, 0), False, 1.5),
        (Family().found(("192.0.2.1",), 60, 0), True, 5),
        (Family().found(("192.0.2.1",), 60, 0).absent(60, 0, GRACE), False, 3),
        (Family().absent(600, 0, GRACE), False, 300),
    ],
)
def test_when_a_name_is_asked_for_again(family: Family, failing: bool, wait: float) -> None:
    assert (
        next_lookup([family], failing=failing, retry=5, confirm=GRACE / 5, minimum=1, maximum=3600)
        == wait
    )
