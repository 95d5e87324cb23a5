"""What a stretch of queries is said to have lost, answered wrongly, and disagreed on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.fleet.accounting import (
    TIMEOUT,
    World,
    account,
    disagreements,
    first_when,
    is_lost,
    last_when,
)
from bench.fleet.asking.records import Record

WORLD = World({"192.0.2.1": "a", "192.0.2.2": "b"}, (frozenset({"a"}), frozenset({"a", "b"})))
A, B = "192.0.2.1", "192.0.2.2"


def record(
    sent: float, address: str = A, *, client: int = 0, took: float = 0.01, edge: str = "e1"
) -> Record:
    received = sent + took if took else 0.0
    return Record(sent, received, address, 20, 0, client, edge, int(bool(took)), 4)


@pytest.mark.parametrize(
    ("records", "lost", "wrong", "empty"),
    [
        ([record(1.0)], 0, 0, 0),
        ([record(1.0, took=0.0)], 1, 0, 0),
        ([record(1.0, took=TIMEOUT + 0.1)], 1, 0, 0),
        ([record(1.0, B)], 0, 1, 0),
        ([record(1.0, B, client=1)], 0, 0, 0),
        ([record(1.0, "203.0.113.9")], 0, 1, 0),
        ([record(1.0, "")], 0, 0, 1),
        ([record(0.9, B), record(3.0, B)], 0, 0, 0),
    ],
    ids=["fine", "none", "late", "outside", "inside", "nobody's", "empty", "other times"],
)
def test_a_query_is_lost_wrong_empty_or_fine(
    records: list[Record], lost: int, wrong: int, empty: int
) -> None:
    found = account(records, WORLD, 1.0, 2.0)
    assert (found.lost, found.wrong, found.empty) == (lost, wrong, empty)


@given(st.lists(st.tuples(st.integers(0, 50), st.booleans(), st.integers(0, 1)), max_size=40))
def test_each_query_is_counted_once(drawn: list[tuple[int, bool, int]]) -> None:
    records = [
        record(at / 10, client=client, took=0.01 if came else 0.0) for at, came, client in drawn
    ]
    found = account(records, WORLD, 1.0, 4.0)
    within = [r for r in records if 1.0 <= r.sent < 4.0]
    assert found.asked == len(within)
    assert found.lost == sum(map(is_lost, within))
    assert found.by_edge.total() == found.by_region.total() == found.asked - found.lost


def test_a_loss_lasts_from_the_first_to_the_last_query_that_was_lost() -> None:
    records = [record(n / 10, took=0.0 if 12 <= n < 18 else 0.01) for n in range(10, 30)]
    assert account(records, WORLD, 1.0).lossy == pytest.approx(0.5)


def test_when_something_was_first_and_last_so_counts_from_the_event() -> None:
    records = [record(n / 10, edge="e2" if 12 <= n < 18 else "e1") for n in range(10, 30)]
    assert first_when(records, lambda r: r.edge == "e2", 1.0) == pytest.approx(0.2)
    assert last_when(records, lambda r: r.edge == "e2", 1.0) == pytest.approx(0.7)
    assert last_when(records, lambda r: r.edge == "e3", 1.0) is None


def test_edges_disagree_from_the_first_that_moves_to_the_last() -> None:
    moves = {"e1": 2.0, "e2": 2.5, "e3": 2.2}
    records = [
        record(n / 100, B if n / 100 >= moves[edge] else A, client=1, edge=edge)
        for n in range(100, 400)
        for edge in moves
    ]
    (took,) = disagreements(records, WORLD, 1.0)
    assert took == pytest.approx(0.5, abs=0.02)


def test_an_edge_that_is_asked_no_more_disagrees_with_nobody() -> None:
    records = [record(n / 100, A, client=1, edge="e2") for n in range(100, 200)]
    records += [record(n / 100, B, client=1, edge="e1") for n in range(200, 500)]
    (took,) = disagreements(records, WORLD, 1.0)
    assert took == pytest.approx(TIMEOUT, abs=0.02)
