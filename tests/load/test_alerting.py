"""Alerts of a region: from the totals its servers tell, its GPUs, and the engine's counters."""

from __future__ import annotations

import math
from typing import Any

import pytest
from load_fleet import Fleet, fleet_config, verdict

from resolverd.engine.counters import Counters
from resolverd.engine.interface import LateReplyError
from resolverd.health.readings import Buckets
from resolverd.health.verdict import State
from resolverd.turns import at_once

BOUNDS = (0.1, 0.5, 2.0, math.inf)


async def _serve(
    fleet: Fleet, seconds: int, *, fast: int = 10, slow: int = 0, failed: int = 0
) -> None:
    """So many requests every five seconds, of region a, on top of those before."""
    for _ in range(seconds // 5):
        before = fleet.read.get("a-1")
        counts = before.ttft.counts if before and before.ttft else (0.0, 0.0, 0.0, 0.0)
        done = dict(before.responses) if before else {"2xx": 0.0, "5xx": 0.0}
        added = (fast, fast, fast + slow, fast + slow)
        ttft = Buckets(BOUNDS, tuple(c + a for c, a in zip(counts, added, strict=True)))
        done = {"2xx": done["2xx"] + fast + slow, "5xx": done["5xx"] + failed}
        fleet.add_reading("a-1", 0.0, started=1.0, ttft=ttft, responses=done)
        await fleet.tick()
        fleet.now += 5


def _firing(fleet: Fleet, region: str = "a") -> set[str]:
    return {alert for alert, state in fleet.load.alerting.states[region].items() if state.firing}


async def test_a_worker_that_hangs_keeps_no_tick_from_its_end() -> None:
    """Of the counts of such an engine nothing is judged, as of none."""
    fleet = Fleet()

    async def late() -> Counters:
        raise LateReplyError(2.0, Counters())

    fleet.add_reading("a-1", 0.0)
    await fleet.load.tick(late)
    assert not fleet.load.alerting.states


async def test_what_nobody_tells_is_unknown() -> None:
    fleet = Fleet()
    await fleet.pass_by(10, {"a-1": 0.0})
    assert {state.firing for state in fleet.load.alerting.states["a"].values()} == {None}
    assert set(fleet.load.alerting.figures["a"]) == {None}


@pytest.mark.parametrize(
    ("served", "firing"),
    [
        pytest.param({}, set(), id="all is well"),
        pytest.param({"slow": 1}, {"ttft_p99"}, id="one in eleven is slow"),
        pytest.param({"slow": 30}, {"ttft_p50", "ttft_p99"}, id="most are slow"),
        pytest.param({"failed": 1}, {"success_rate"}, id="one in eleven fails"),
    ],
)
async def test_alerts_fire_once_their_conditions_are_sustained(
    served: dict[str, Any], firing: set[str]
) -> None:
    fleet = Fleet()
    await _serve(fleet, 120)
    assert _firing(fleet) == set()
    await _serve(fleet, 25, **served)
    assert _firing(fleet) == set(), "not sustained yet"
    await _serve(fleet, 95, **served)
    assert _firing(fleet) == firing
    await _serve(fleet, 180)
    assert _firing(fleet) == set(), "well again"


async def test_too_few_requests_tell_nothing() -> None:
    fleet = Fleet()
    await _serve(fleet, 120, fast=1)
    assert fleet.load.alerting.figures["a"].ttft_p50 is None


async def test_an_alert_that_degrades_makes_the_region_send_clients_on() -> None:
    fleet = Fleet(fleet_config(a={"alerts": {"degrade": ["ttft_p99"], "sustained": "10s"}}))
    fleet.add_reading("b-1", 0.0)
    await _serve(fleet, 60)
    assert fleet.spill_ratio() == 0
    fleet.add_reading("b-1", 0.0)
    await _serve(fleet, 30, slow=5)
    assert fleet.load.alerting.degraded("a")
    assert fleet.spill_ratio() == 0.1
    assert not fleet.load.alerting.degraded("b")


async def test_the_failover_rate_is_of_those_regions_that_lose_clients() -> None:
    fleet = Fleet()

    async def answer(first: int, other: int) -> None:
        for _ in range(8):
            fleet.counted.steered["chat", "b", "serving"] += first + other
            fleet.counted.first_choice["chat", "b", "serving"] += first
            fleet.counted.steered["chat", "", "refused"] += 100
            fleet.counted.steered["chat", "b", "spilled"] += 100
            await fleet.tick()
            fleet.now += 5

    def rates() -> tuple[float, float]:
        figures = fleet.load.alerting.figures
        return figures["a"].failover_rate or 0.0, figures["b"].failover_rate or 0.0

    await answer(first=10, other=0)
    assert rates() == (0, 0)
    fleet.said["a-1"] = verdict(State.DOWN)
    fleet.steer()
    await answer(first=9, other=1)
    assert 0.05 < rates()[0] < 0.1
    assert rates()[1] == 0
    await answer(first=9, other=1)
    assert _firing(fleet, "a") == {"failover_rate"}
    assert _firing(fleet, "b") == set()


async def test_a_region_that_is_gone_after_a_reload_is_judged_no_more() -> None:
    fleet = Fleet()
    await _serve(fleet, 120)
    raw = fleet_config({"regions": ["a"]})
    del raw["region"]["b"]
    fleet.adopt(raw)
    assert set(fleet.load.alerting.states) == {"a"}
    assert fleet.load.alerting.figures["a"].ttft_p50 is not None


async def test_what_is_known_stays_until_every_region_is_judged() -> None:
    fleet = Fleet()
    await _serve(fleet, 120)
    alerting = fleet.load.alerting
    states, figures = alerting.states, alerting.figures
    steps = alerting.judge(fleet.counted, set(), fleet.now)
    for _ in range(2):
        next(steps)
        assert (alerting.states, alerting.figures) == (states, figures)
        assert alerting.states is states
    at_once(steps)
    assert alerting.states is not states


async def test_regions_that_are_adopted_while_others_are_judged_are_judged_too() -> None:
    fleet = Fleet()
    await _serve(fleet, 120)
    steps = fleet.load.alerting.judge(fleet.counted, set(), fleet.now)
    next(steps)
    raw = fleet_config({"regions": ["a", "c"]})
    raw["region"]["c"] = raw["region"].pop("b")
    fleet.adopt(raw)
    at_once(steps)
    assert set(fleet.load.alerting.states) == {"a", "c"}
    assert fleet.load.alerting.figures["a"].ttft_p50 is not None
