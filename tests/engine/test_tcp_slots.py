"""Whose TCP slot is taken, against a slow and obvious model; and the times of idleness."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.engine.tcp_slots import Instead, Limit, Slots, client_of, idle_time


@pytest.mark.parametrize(
    ("milliseconds", "taken", "connections", "expected"),
    [  # native/src/io/tcp/slots.rs has the same table
        (10_000, 0, 1000, 10_000),
        (10_000, 500, 1000, 10_000),
        (10_000, 501, 1000, 9_982),
        (10_000, 750, 1000, 5_500),
        (10_000, 999, 1000, 1_018),
        (10_000, 1000, 1000, 1_000),
        (10_000, 1001, 1000, 1_000),
        (100, 1, 1, 10),
        (3_600_000, 70_000, 100_000, 2_304_000),
    ],
)
def test_the_idle_time_is_shorter_the_fewer_slots_are_left(
    milliseconds: int, taken: int, connections: int, expected: int
) -> None:
    seconds = idle_time(milliseconds / 1000, taken, connections)
    assert seconds == pytest.approx(expected / 1000)


@given(st.integers(1, 5000), st.data())
def test_the_idle_time_never_grows_as_slots_fill(connections: int, data: st.DataObject) -> None:
    fewer, more = sorted(data.draw(st.tuples(*[st.integers(0, connections + 1)] * 2)))
    assert 1 <= idle_time(10, more, connections) <= idle_time(10, fewer, connections) <= 10


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8::1", "2001:db8::ffff:0:0:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("0.0.0.1", "0:0:0:1::", False),
    ],
)
def test_an_ipv6_network_of_64_bits_is_one_client(one: str, other: str, same: bool) -> None:
    assert (client_of(one) == client_of(other)) is same


@dataclass
class _Open:
    """One connection of the model."""

    number: int
    client: tuple[int, int]
    idle: bool
    used: int


def _expected(
    model: list[_Open], client: tuple[int, int], connections: int, per_client: int
) -> Instead[int] | None:
    own = [each for each in model if each.client == client]
    idle = [each for each in model if each.idle]
    if len(own) >= per_client:
        candidates, limit = [each for each in own if each.idle], "per_client"
    elif len(model) < connections:
        return None
    else:
        candidates, limit = (idle, "connections") if idle else (model, "busy")
    if not candidates:
        return Instead(None, "busy")
    named: Limit = "per_client" if limit == "per_client" else "connections" if idle else "busy"
    return Instead(min(candidates, key=lambda each: each.used).number, named)


_STEPS = st.lists(
    st.tuples(st.sampled_from(["come", "come", "idle", "busy", "leave"]), st.integers(0, 7)),
    max_size=80,
)


@given(_STEPS, st.integers(1, 6), st.integers(1, 4))
def test_the_one_longest_without_a_query_goes(
    steps: list[tuple[str, int]], connections: int, per_client: int
) -> None:
    """Its client's where that has all it may have; a busy one only where all are."""
    slots: Slots[int] = Slots(connections, per_client)
    model: list[_Open] = []
    for moment, (step, pick) in enumerate(steps):
        if step == "come":
            client = (4, pick % 3)
            while True:
                instead = slots.admission(client)
                assert instead == _expected(model, client, connections, per_client)
                if instead is None or instead.connection is None:
                    break
                slots.leave(instead.connection)
                model = [each for each in model if each.number != instead.connection]
            if instead is None:
                slots.take(moment, client)
                model.append(_Open(moment, client, True, moment))
        elif model:
            chosen = model[pick % len(model)]
            if step == "leave":
                slots.leave(chosen.number)
                model.remove(chosen)
            else:
                chosen.idle, chosen.used = step == "idle", moment
                slots.used(chosen.number, idle=chosen.idle)
        assert slots.taken == len(model) <= connections
