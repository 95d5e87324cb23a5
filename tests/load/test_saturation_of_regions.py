"""How full regions are: what counts, when it is unknown, and that it is never taken for zero."""

from __future__ import annotations

from typing import Any

import pytest
from load_room import Fleet, fleet, verdict

from resolverd.health.outcome import Condition
from resolverd.health.verdict import State

TWO = [{"address": ["192.0.2.1"], "url": f"http://a{n}.example"} for n in (1, 2)]


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        pytest.param({"waiting": 0, "kv_usage": 0.4}, 0.5, id="KV cache"),
        pytest.param({"waiting": 10, "kv_usage": 0.4}, 2.0, id="queue"),
        pytest.param({"kv_usage": 0.8}, 1.0, id="queue unknown"),
        pytest.param({}, None, id="nothing told"),
        pytest.param({"waiting": 0, "shedding": True}, 1.0, id="turns requests away"),
        pytest.param({"shedding": True}, 1.0, id="turns requests away and tells nothing"),
    ],
)
async def test_one_reading_says_how_full_a_region_is(
    reading: dict[str, Any], expected: float | None
) -> None:
    room = Fleet()
    room.tell("a-1", **reading)
    await room.tick()
    assert room.saturation("a") == expected
    assert room.saturation("b") is None


async def test_a_region_is_the_mean_of_the_replicas_that_serve_and_are_known() -> None:
    room = Fleet(fleet(a={"endpoint": [*TWO, TWO[0] | {"url": "http://a3.example"}]}))
    room.tell("a-1", 5)
    room.tell("a-2", 15)
    await room.tick()
    assert room.saturation() == 2.0
    room.said["a-2"] = verdict(State.DOWN)
    room.steer()
    assert room.saturation() == 1.0


async def test_each_reading_counts_once_and_weighs_a_third() -> None:
    room = Fleet()
    room.tell("a-1", 0)
    await room.tick()
    room.now += 5
    room.tell("a-1", 5)
    for _ in range(10):
        await room.tick()
    assert room.saturation() == pytest.approx(0.3)


async def test_a_reading_that_is_three_intervals_old_is_unknown() -> None:
    room = Fleet()
    room.tell("a-1", 5)
    room.now += 17
    await room.tick()
    assert room.saturation() == 1.0
    room.now += 0.1
    await room.tick()
    assert room.saturation() is None


@pytest.mark.parametrize("condition", [Condition.BUSY, Condition.SHEDDING])
async def test_a_busy_replica_is_full_at_once_whatever_its_mean(condition: Condition) -> None:
    room = Fleet()
    await room.pass_by(30, {"a-1": 0.0})
    room.said["a-1"] = verdict(condition=condition)
    await room.tick()
    assert room.saturation() == 1.0
    room.said["a-1"] = verdict()
    await room.pass_by(30, {"a-1": 0.0})
    saturation = room.saturation()
    assert saturation is not None
    assert saturation < 0.3


async def test_services_measure_by_their_own_targets() -> None:
    raw = fleet({"spill": {"queue_target": 10}})
    raw["service"]["other"] = {"regions": ["a"]}
    room = Fleet(raw)
    room.tell("a-1", 5)
    await room.tick()
    assert room.load.saturations() == {("chat", "a"): 0.5, ("other", "a"): 1.0}
