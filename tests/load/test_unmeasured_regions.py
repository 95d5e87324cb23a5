"""Regions of which no probe tells a load: what they sent on or took before is given back."""

from __future__ import annotations

from typing import Any

import pytest
from load_fleet import Fleet, fleet_config, verdict

from resolverd.health.readings import LoadReadings
from resolverd.health.verdict import State

FULL = {"a-1": 10.0, "b-1": 0.0}
UNMEASURED = (
    pytest.param({"kind": "http"}, id="http"),
    pytest.param({"kind": "tcp"}, id="tcp"),
    pytest.param({"kind": "openai", "model": "m", "load_page": "none"}, id="openai, no load page"),
)


async def spilling(service: dict[str, Any] | None = None) -> Fleet:
    """A fleet whose region a is full, and sends half of its clients on to b."""
    fleet = Fleet(fleet_config(service))
    await fleet.pass_by(700, FULL)
    assert (fleet.spill_ratio("a"), fleet.accept_ratio("b")) == (0.5, 0.5)
    return fleet


@pytest.mark.parametrize("probe", UNMEASURED)
@pytest.mark.parametrize("edited", [("a",), ("a", "b")], ids=["the sender", "both"])
async def test_a_region_whose_load_no_probe_tells_any_more_has_its_clients_back_by_steps(
    edited: tuple[str, ...], probe: dict[str, Any]
) -> None:
    fleet = await spilling()
    fleet.read.clear()
    fleet.adopt(fleet_config(**{region: {"probe": probe} for region in edited}))
    assert fleet.spill_ratio("a") == 0.5
    await fleet.pass_by(120, {} if "b" in edited else {"b-1": 0.0})
    assert 0.2 <= fleet.spill_ratio("a") <= 0.4
    await fleet.pass_by(400, {} if "b" in edited else {"b-1": 0.0})
    assert (fleet.spill_ratio("a"), fleet.accept_ratio("b")) == (0, 0)


@pytest.mark.parametrize("probe", UNMEASURED)
async def test_a_region_whose_load_no_probe_tells_any_more_gives_back_what_it_took(
    probe: dict[str, Any],
) -> None:
    fleet = await spilling()
    fleet.read.clear()
    fleet.adopt(fleet_config(b={"probe": probe}))
    await fleet.pass_by(700, {"a-1": 10.0})
    assert (fleet.spill_ratio("a"), fleet.accept_ratio("b")) == (0.5, 0)


async def test_a_region_whose_load_is_not_read_at_the_moment_holds() -> None:
    fleet = await spilling()
    fleet.read.clear()
    await fleet.pass_by(700, {})
    assert (fleet.spill_ratio("a"), fleet.accept_ratio("b")) == (0.5, 0.5)


async def test_a_region_that_an_alert_alone_had_send_clients_on_has_them_back_after_it() -> None:
    alerts = {"degrade": ["failover_rate"], "sustained": "130s"}
    fleet = Fleet(fleet_config(a={"probe": {"kind": "http"}, "alerts": alerts}))

    async def pass_by(seconds: int, *, failover: bool) -> None:
        for _ in range(seconds // 5):
            fleet.counted.steered["chat", "b", "serving"] += 10
            fleet.counted.first_choice["chat", "b", "serving"] += 0 if failover else 10
            await fleet.pass_by(5, {"b-1": 0.0})

    fleet.said["a-1"] = verdict(State.DOWN)
    fleet.steer()
    await pass_by(200, failover=True)
    fleet.said["a-1"] = verdict()
    fleet.steer()
    await pass_by(120, failover=False)
    assert fleet.spill_ratio("a") >= 0.2
    await pass_by(400, failover=False)
    assert not fleet.load.alerting.degraded("a")
    assert (fleet.spill_ratio("a"), fleet.accept_ratio("b")) == (0, 0)


async def test_a_server_without_a_load_page_that_turned_some_away_has_its_clients_back() -> None:
    fleet = Fleet(fleet_config(a={"probe": {"kind": "openai", "model": "m"}}))
    for _ in range(40):
        fleet.add_reading("a-1", shedding=True, tells_no_load=True)
        await fleet.pass_by(5, {"b-1": 0.0})
    assert fleet.spill_ratio("a") >= 0.3
    for _ in range(120):
        fleet.add_reading("a-1", tells_no_load=True)
        await fleet.pass_by(5, {"b-1": 0.0})
    assert (fleet.spill_ratio("a"), fleet.accept_ratio("b")) == (0, 0)


async def test_after_a_restart_a_full_region_holds_whose_load_page_comes_in_no_time() -> None:
    probe = {"kind": "openai", "model": "m"}
    before = Fleet(fleet_config(a={"probe": probe}))
    await before.pass_by(700, FULL)
    fleet = Fleet(fleet_config(a={"probe": probe}), now=before.now)
    fleet.load.spilling.resume(before.load.spilling.spills)
    for _ in range(60):
        fleet.add_reading("a-1")
        await fleet.pass_by(5, {"b-1": 0.0})
    assert fleet.spill_ratio("a") == 0.5


EDITS: tuple[dict[str, Any], ...] = (
    {},
    {"probe": {"kind": "openai", "model": "m", "fall": 9}},
    {"endpoint": [{"address": ["192.0.2.1"], "url": "http://another.example"}]},
)


@pytest.mark.parametrize("edit", EDITS, ids=["not", "its probe", "its URL"])
async def test_a_server_whose_load_page_was_read_holds_while_it_is_not_until_another_is_probed(
    edit: dict[str, Any],
) -> None:
    probe = {"kind": "openai", "model": "m"}
    fleet = Fleet(fleet_config(a={"probe": probe}))
    await fleet.pass_by(700, FULL)
    assert fleet.spill_ratio("a") == 0.5
    fleet.adopt(fleet_config({"ttl": "50s"}, a={"probe": probe} | edit))
    for _ in range(140):
        fleet.add_reading("a-1", tells_no_load=True)
        await fleet.pass_by(5, {"b-1": 0.0})
    assert fleet.spill_ratio("a") == (0 if edit else 0.5)


async def pass_by_cost(fleet: Fleet, seconds: int, **rates: float) -> None:
    """Seconds in which regions finish so many requests a second; in a 50 wait, in b nobody."""
    for _ in range(seconds // 5):
        for region, rate in rates.items():
            before = fleet.read.get(f"{region}-1", LoadReadings(0.0)).completed or 0.0
            queue = 50.0 if region == "a" else 0.0
            done = before + 5 * rate
            fleet.add_reading(
                f"{region}-1", queue, running=32.0, kv_usage=0.2, completed=done, started=1.0
            )
        for _ in range(5):
            await fleet.tick()
            fleet.now += 1.0


@pytest.mark.parametrize(
    ("probe", "holds"),
    [
        pytest.param({"kind": "http"}, False, id="http"),
        pytest.param({"kind": "openai", "model": "m"}, False, id="openai: its load has no flow"),
        pytest.param({}, True, id="not read at the moment"),
    ],
)
async def test_where_cost_moves_shares_a_region_without_a_flow_has_its_clients_back(
    probe: dict[str, Any], *, holds: bool
) -> None:
    by_cost = {"policy": "ttft"}
    fleet = Fleet(fleet_config(by_cost))
    await pass_by_cost(fleet, 300, a=10.0, b=1.0)
    sent_on = fleet.spill_ratio("a")
    assert sent_on > 0.2
    del fleet.read["a-1"]
    fleet.adopt(fleet_config(by_cost, a={"probe": probe}))
    await pass_by_cost(fleet, 600, b=1.0)
    assert fleet.spill_ratio("a") == (sent_on if holds else 0)
