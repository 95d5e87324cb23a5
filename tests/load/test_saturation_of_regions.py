"""How full regions are: what counts, when it is unknown, and that it is never taken for zero."""

from __future__ import annotations

from typing import Any

import pytest
from load_fleet import Fleet, fleet_config, verdict

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
    fleet = Fleet()
    fleet.add_reading("a-1", **reading)
    await fleet.tick()
    assert fleet.saturation("a") == expected
    assert fleet.saturation("b") is None


async def test_a_region_is_the_mean_of_the_replicas_that_serve_and_are_known() -> None:
    fleet = Fleet(fleet_config(a={"endpoint": [*TWO, TWO[0] | {"url": "http://a3.example"}]}))
    fleet.add_reading("a-1", 5)
    fleet.add_reading("a-2", 15)
    await fleet.tick()
    assert fleet.saturation() == 2.0
    fleet.said["a-2"] = verdict(State.DOWN)
    fleet.steer()
    assert fleet.saturation() == 1.0


async def test_each_reading_counts_once_and_weighs_a_third() -> None:
    fleet = Fleet()
    fleet.add_reading("a-1", 0)
    await fleet.tick()
    fleet.now += 5
    fleet.add_reading("a-1", 5)
    for _ in range(10):
        await fleet.tick()
    assert fleet.saturation() == pytest.approx(0.3)


async def test_a_reading_that_is_three_intervals_old_is_unknown() -> None:
    fleet = Fleet()
    fleet.add_reading("a-1", 5)
    fleet.now += 17
    await fleet.tick()
    assert fleet.saturation() == 1.0
    fleet.now += 0.1
    await fleet.tick()
    assert fleet.saturation() is None


@pytest.mark.parametrize("condition", [Condition.BUSY, Condition.SHEDDING])
async def test_a_busy_replica_is_full_at_once_whatever_its_mean(condition: Condition) -> None:
    fleet = Fleet()
    await fleet.pass_by(30, {"a-1": 0.0})
    fleet.said["a-1"] = verdict(condition=condition)
    await fleet.tick()
    assert fleet.saturation() == 1.0
    fleet.said["a-1"] = verdict()
    await fleet.pass_by(30, {"a-1": 0.0})
    saturation = fleet.saturation()
    assert saturation is not None
    assert saturation < 0.3


async def test_services_measure_by_their_own_targets() -> None:
    raw = fleet_config({"spill": {"queue_target": 10}})
    raw["service"]["other"] = {"regions": ["a"]}
    fleet = Fleet(raw)
    fleet.add_reading("a-1", 5)
    await fleet.tick()
    assert fleet.load.saturations() == {("chat", "a"): 0.5, ("other", "a"): 1.0}
