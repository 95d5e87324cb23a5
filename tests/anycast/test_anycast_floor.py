"""The floor: no order of leaving takes the fleet below it, and the dead do not count."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.anycast.floor import Floor, FloorError

V4 = "192.0.2.53"
ABC = frozenset({"a", "b", "c"})


def floor_of(*edges: str) -> Floor:
    return Floor({V4: frozenset(edges)})


@pytest.mark.parametrize(
    ("edges", "live", "least", "goes"),
    [
        ("a", "", 0, True),
        ("a", "", 1, False),
        ("ab", "b", 1, True),
        ("ab", "", 1, False),  # b died without leaving
        ("ab", "bc", 2, False),  # c is there, and announces nothing
        ("abc", "bc", 2, True),
        ("b", "b", 1, True),  # it has left already
    ],
)
def test_an_edge_may_leave_where_enough_others_announce(
    edges: str, live: str, least: int, goes: bool
) -> None:
    left = floor_of(*edges).left(V4, "a", frozenset(live), least)
    assert isinstance(left, Floor) is goes
    if isinstance(left, str):
        assert f"keeps at least {least} (min_edges)" in left


def test_whoever_leaves_takes_the_dead_along() -> None:
    left = floor_of("a", "b", "dead").left(V4, "a", frozenset("b"), 1)
    assert left == floor_of("b")


@given(st.lists(st.sampled_from("abc"), max_size=12), st.integers(0, 3))
def test_no_order_of_leaving_goes_below_it(order: list[str], least: int) -> None:
    floor = floor_of(*ABC)
    for edge in order:
        left = floor.left(V4, edge, ABC, least)
        floor = left if isinstance(left, Floor) else floor
    assert len(floor.edges[V4]) >= least


@given(st.dictionaries(st.sampled_from([V4, "2001:db8::53"]), st.frozensets(st.text(min_size=1))))
def test_it_reads_what_it_writes(edges: dict[str, frozenset[str]]) -> None:
    kept = {address: names for address, names in edges.items() if names}
    assert Floor.read(Floor(edges).octets()) == Floor(kept)


@pytest.mark.parametrize("value", [b"", b"[1]", b"3", b'{"a": 3}', b"\xff", b"[" * 100_000])
def test_what_is_no_floor_is_said_to_be_none(value: bytes) -> None:
    with pytest.raises(FloorError):
        Floor.read(value)


def test_nothing_is_an_empty_floor() -> None:
    assert Floor.read(None) == Floor({})
