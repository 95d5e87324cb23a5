"""The TTL rule of docs/meaning.md: a table of horizons, and invariant 3 as a property."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.policy.decision import RegionStatus
from resolverd.policy.ttl import BoundedTtl, horizon, still_for, ttl_of

TTL, FAILOVER = 60.0, 5.0


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        pytest.param(RegionStatus(serves=True), 60, id="settled"),
        pytest.param(
            RegionStatus(serves=True, min_until_flip=2.0), 5, id="suspect, two fast failures away"
        ),
        pytest.param(
            RegionStatus(serves=True, min_until_flip=20.0), 20, id="suspect, far from down"
        ),
        pytest.param(RegionStatus(serves=False, min_until_flip=2.0), 5, id="down"),
        pytest.param(
            RegionStatus(serves=False, min_until_flip=12.7), 12, id="down, slow to return"
        ),
        pytest.param(RegionStatus(serves=True, since_change=0.0), 5, id="just changed"),
        pytest.param(RegionStatus(serves=True, since_change=17.9), 17, id="ramping"),
        pytest.param(RegionStatus(serves=True, since_change=61.0), 60, id="ramped back"),
        pytest.param(RegionStatus(serves=False, unknown=True, min_until_flip=0.0), 5, id="unknown"),
        pytest.param(
            RegionStatus(serves=True, min_until_flip=1800.0), 60, id="override that ends far away"
        ),
        pytest.param(
            RegionStatus(serves=True, min_until_flip=9.0), 9, id="override that ends soon"
        ),
        pytest.param(RegionStatus(serves=True, spill_ratio=0.3), 60, id="a share that stands"),
        pytest.param(
            RegionStatus(serves=True, spill_ratio=0.3, steady=12.0), 12, id="the next step is near"
        ),
        pytest.param(RegionStatus(serves=True, steady=12.0), 12, id="about to send clients on"),
        pytest.param(
            RegionStatus(serves=True, steady=12.0, min_until_flip=8.0), 8, id="probing comes first"
        ),
        pytest.param(
            RegionStatus(serves=False, steady=7.0), 60, id="shares of what does not serve"
        ),
    ],
)
def test_one_region_gives_the_ttl_of_the_table(status: RegionStatus, expected: int) -> None:
    assert ttl_of([("a", status)], ttl=TTL, failover_ttl=FAILOVER).seconds == expected


def test_the_least_horizon_of_all_consulted_wins() -> None:
    consulted = {
        "a": RegionStatus(serves=False, min_until_flip=11.0),
        "b": RegionStatus(serves=True, since_change=30.0),
    }
    found = ttl_of(consulted.items(), ttl=TTL, failover_ttl=FAILOVER)
    assert found == BoundedTtl(11, "flip", "a", 11.0, otherwise=30)


def test_what_runs_toward_a_moment_is_shortened_by_staleness() -> None:
    status = RegionStatus(serves=True, min_until_flip=9.0)
    found = ttl_of([("a", status)], ttl=TTL, failover_ttl=FAILOVER, staleness=1.0)
    assert found.seconds == 8


statuses = st.builds(
    RegionStatus,
    serves=st.booleans(),
    unknown=st.booleans(),
    min_until_flip=st.one_of(st.just(math.inf), st.floats(0, 1000)),
    since_change=st.one_of(st.none(), st.floats(0, 1000)),
    steady=st.one_of(st.just(math.inf), st.floats(0, 1000)),
)


@given(
    st.lists(statuses, min_size=1, max_size=6),
    st.floats(0, 300),
    st.floats(0, 3000),
    st.floats(0, 1),
)
def test_no_ttl_outlives_the_earliest_change_nor_leaves_its_bounds(
    consulted: list[RegionStatus], failover: float, extra: float, age: float
) -> None:
    """Invariant 3, however old within its staleness the answer is when it is given."""
    ttl = failover + extra
    named = [(str(number), status) for number, status in enumerate(consulted)]
    given_ttl = ttl_of(named, ttl=ttl, failover_ttl=failover, staleness=1.0).seconds
    no_flip_before = (
        min(min(s.min_until_flip, s.steady if s.serves else math.inf) for s in consulted) - age
    )
    assert given_ttl <= max(failover, no_flip_before)
    assert math.floor(failover) <= given_ttl <= ttl


@given(statuses, st.floats(1, 300))
def test_time_alone_moves_no_ttl_for_as_long_as_a_region_is_said_to_be_still(
    status: RegionStatus, later: float
) -> None:
    still = still_for(status, TTL, 1.0)
    passed = min(later, still)
    for answered in (False, True):
        before = ttl_after(status, 0, answered)
        assert ttl_after(status, passed, answered) == pytest.approx(before)
    if still:
        assert ttl_after(status, 0, True) == TTL
    if 0 < still < math.inf:  # and then they fall
        assert ttl_after(status, still + 1, True) < TTL


def ttl_after(status: RegionStatus, seconds: float, answered: bool) -> float:
    """The TTL that a region allows once so many seconds have passed, and nothing else has."""

    def since(moment: float | None) -> float | None:
        return None if moment is None else moment + seconds

    after = replace(
        status,
        min_until_flip=status.min_until_flip - seconds,
        answer_min_until_flip=status.answer_min_until_flip - seconds,
        steady=status.steady - seconds,
        since_change=since(status.since_change),
        answer_since_change=since(status.answer_since_change),
    )
    found = horizon(after, ttl=TTL, failover_ttl=FAILOVER, staleness=1.0, answered=answered)
    return min(TTL, found)
