"""The liar of the laboratory tells what other edges take for an honest message."""

from __future__ import annotations

import json

import pytest

from bench.fleet.lab.liar import lied
from resolverd.fleet.observed import (
    Head,
    Observed,
    fragment,
    read_targets,
    split,
    write_message,
    write_targets,
)
from resolverd.health.verdict import State


@pytest.mark.parametrize(("state", "asked"), [("down", None), ("up", 81.2)])
def test_a_lie_is_a_message_in_another_name_with_that_state_of_each_target(
    state: str, asked: float | None
) -> None:
    known = {"eu-1": Observed(State.UP, "9f2c41aa"), "us-1": Observed(State.DOWN, "00aa", "why")}
    targets = write_targets({name: fragment(each) for name, each in known.items()})
    honest = write_message(Head("e4", "5f0c", (51.5, -0.1), 1789.5, 81.2, 5.0), targets)
    lie = json.dumps(lied(json.loads(honest), "e5", state), separators=(",", ":")).encode()
    head, octets = split(lie)
    told = read_targets(octets, {})
    assert (head.edge, head.clock) == ("e5", 81.2)
    assert told.keys() == known.keys()
    assert {observed.state.value for _, observed in told.values()} == {state}
    assert {observed.of for _, observed in told.values()} == {"9f2c41aa", "00aa"}
    if asked is not None:
        assert {observed.asked for _, observed in told.values()} == {asked}
