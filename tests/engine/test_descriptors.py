"""TCP connections as the descriptors of a process bear them."""

from __future__ import annotations

import pytest
from harness.engines import LIMITS
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from resolverd.engine.choice import Choice, Served
from resolverd.engine.descriptors import kept, lowered, tcp_connections


@pytest.mark.parametrize(
    ("limit", "wanted", "workers", "rest", "expected"),
    [
        (131_072, 1000, 2, 220, 1000),
        (2220, 1000, 2, 220, 1000),
        (2219, 1000, 2, 220, 999),
        (1024, 1000, 1, 220, 804),
        (1024, 1000, 4, 220, 201),
        (221, 1000, 1, 220, 1),
        (64, 1000, 2, 220, 1),  # none at all would leave no answer that UDP truncates
    ],
)
def test_connections_are_what_all_else_leaves(
    limit: int, wanted: int, workers: int, rest: int, expected: int
) -> None:
    assert tcp_connections(limit, wanted, workers, rest) == expected


@given(
    st.integers(0, 200_000), st.integers(1, 100_000), st.integers(1, 256), st.integers(0, 50_000)
)
def test_never_more_than_wanted_nor_than_there_is(
    limit: int, wanted: int, workers: int, rest: int
) -> None:
    each = tcp_connections(limit, wanted, workers, rest)
    assert 1 <= each <= wanted
    assert each == 1 or rest + workers * each <= limit
    assert each == wanted or rest + workers * (each + 1) > limit


def test_targets_workers_and_listeners_keep_theirs() -> None:
    least = kept(1, 1, 0)
    assert kept(1, 1, 10) - least == 20
    assert kept(2, 1, 0) - least == kept(1, 2, 0) - least + 2


@pytest.mark.parametrize(
    ("engine", "expected"), [("native", (1024 - 310) // 4), ("reference", 1024 - 292)]
)
def test_a_lowered_limit_is_said(engine: Served, expected: int) -> None:
    """Threads share the descriptors of their process; processes have their own."""
    limits = LIMITS.__class__(idle=10, lifetime=60, connections=1000, per_client=20)
    choice = Choice(engine, 4, "")
    with capture_logs() as events:
        assert lowered(limits, choice, 200_000, 1, 10) == limits
        fewer = lowered(limits, choice, 1024, 1, 10)
    assert fewer.connections == expected
    (event,) = events
    assert (event["event"], event["configured_connections"]) == ("tcp.lowered", 1000)
    assert event["connections"] == expected
