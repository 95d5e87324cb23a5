"""Shares follow what is read: by steps, in one episode, over reloads, restarts and defects."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
import structlog
from harness.waiting import until_holds
from load_fleet import Fleet, fleet_config, verdict

from resolverd.engine.counters import Counters
from resolverd.health.readings import LoadReadings
from resolverd.health.verdict import State, Verdict

SLOW = {"spill": {"slow_start": "120s"}}


async def test_a_full_region_sends_clients_on_by_steps_and_takes_them_back() -> None:
    fleet, ratios = Fleet(), []
    with structlog.testing.capture_logs() as events:
        for waiting in (10.0, 10.0, 10.0, 4.0, 4.0, 0.0, 0.0, 0.0, 0.0):
            await fleet.pass_by(60, {"a-1": waiting, "b-1": 0.0})
            ratios.append((fleet.spill_ratio(), fleet.accept_ratio()))
    # The first reading of a minute comes with the round, and weighs a third only.
    assert ratios == [(s, s) for s in (0.1, 0.2, 0.3, 0.4, 0.4, 0.3, 0.2, 0.1, 0)]
    assert [event["event"] for event in events] == [
        "spill.begins",
        *["spill.grows"] * 3,
        *["spill.shrinks"] * 3,
        "spill.ends",
    ]
    assert fleet.load.spilling.episodes == {("chat", "a"): 1}
    assert fleet.moved >= 4


async def test_ten_minutes_at_the_edge_of_full_are_one_episode() -> None:
    fleet = Fleet()
    for minute in range(10):
        await fleet.pass_by(60, {"a-1": 6.0 if minute % 2 else 4.5, "b-1": 0.0})
    assert fleet.load.spilling.episodes == {("chat", "a"): 1}
    assert fleet.spill_ratio() > 0


async def test_where_nothing_is_read_nothing_moves() -> None:
    fleet = Fleet()
    await fleet.pass_by(200, {})
    assert fleet.load.shares() == {}
    assert fleet.moved == 0


async def test_a_region_that_dies_has_no_share_in_the_very_steering_that_has_it() -> None:
    fleet = Fleet()
    await fleet.pass_by(130, {"a-1": 10.0, "b-1": 0.0})
    assert fleet.spill_ratio() > 0
    fleet.said["a-1"] = verdict(State.DOWN)
    fleet.steer()
    assert (fleet.spill_ratio(), fleet.accept_ratio()) == (0, 0)


async def test_shares_survive_a_reload_where_service_and_region_do() -> None:
    fleet = Fleet()
    await fleet.pass_by(130, {"a-1": 10.0, "b-1": 0.0})
    assert fleet.spill_ratio() == 0.3
    fleet.adopt(fleet_config({"ttl": "30s"}))
    assert fleet.spill_ratio() == 0.3
    fleet.adopt(fleet_config({"regions": ["b"]}))
    assert set(fleet.load.shares()) <= {("chat", "b")}


async def test_a_service_can_be_told_to_send_nobody_on() -> None:
    fleet = Fleet(fleet_config({"spill": {"enabled": False}}))
    await fleet.pass_by(130, {"a-1": 10.0, "b-1": 0.0})
    assert fleet.load.shares() == {}
    assert fleet.saturation() == 2.0


async def test_steps_are_never_closer_than_the_ttl() -> None:
    fleet = Fleet(fleet_config({"ttl": "100s", "spill": {"dwell": "10s"}}))
    await fleet.pass_by(99, {"a-1": 10.0, "b-1": 0.0})
    assert fleet.spill_ratio() == 0.1
    await fleet.pass_by(5, {"a-1": 10.0, "b-1": 0.0})
    assert fleet.spill_ratio() == 0.2


@pytest.mark.parametrize(
    "longer",
    [{"spill": {"dwell": "1h"}}, {"ttl": "30m"}, {"sticky": "30m"}],
    ids=["dwell", "ttl", "sticky"],
)
async def test_an_edit_that_brings_rounds_closer_counts_from_the_edit_on(
    longer: dict[str, object],
) -> None:
    fleet = Fleet(fleet_config(longer))
    await fleet.pass_by(10, {"a-1": 10.0, "b-1": 0.0})
    assert fleet.spill_ratio() == 0.1
    fleet.adopt(fleet_config())
    await fleet.pass_by(190, {"a-1": 10.0, "b-1": 0.0})
    assert fleet.spill_ratio() == pytest.approx(0.4)


async def test_capacity_bounds_what_a_region_is_given() -> None:
    gpus = {"model": "H100_SXM", "count": 8}
    small = Fleet(fleet_config(a={"gpus": gpus}))
    await small.pass_by(5, {"a-1": 5.0, "b-1": 2.5})
    assert small.accept_ratio() == pytest.approx(1 * (0.7 - 0.5) / 8)
    large = Fleet(fleet_config(a={"gpus": gpus}, b={"capacity": 16}))
    await large.pass_by(5, {"a-1": 5.0, "b-1": 2.5})
    assert large.accept_ratio() == 0.1


async def test_a_region_of_which_a_part_serves_nobody_takes_less() -> None:
    gpus = {"model": "H100_SXM", "count": 8}
    fleet = Fleet(fleet_config(a={"gpus": gpus}, b={"gpus": gpus | {"count": 4}}))
    fleet.add_reading("b-1", 2.5, lost=0.75)
    await fleet.pass_by(5, {"a-1": 5.0})
    assert fleet.accept_ratio() == pytest.approx(1 * (0.7 - 0.5) / 8)


async def test_a_region_that_comes_back_with_a_new_process_starts_slowly() -> None:
    fleet = Fleet(fleet_config(SLOW))
    for target in ("a-1", "b-1"):
        fleet.add_reading(target, 0.0, started=1.0)
    await fleet.tick()
    fleet.said["a-1"] = verdict(State.DOWN)
    fleet.steer()
    fleet.now += 10
    fleet.add_reading("a-1", 0.0, started=2.0)
    fleet.add_reading("b-1", 0.0, started=1.0)
    await fleet.tick()
    fleet.said["a-1"] = verdict()
    fleet.steer()
    assert (fleet.spill_ratio(), fleet.accept_ratio()) == (0.2, 0.2)


class _Broken:
    """Probes whose readings cannot be had: a defect of ours, which cannot be caused otherwise."""

    def verdict(self, target: str) -> Verdict:
        raise RuntimeError("defect")

    def settled(self) -> Mapping[str, Verdict]:
        raise RuntimeError("defect")

    def loads(self) -> Mapping[str, LoadReadings]:
        raise RuntimeError("defect")


async def test_a_defect_costs_an_evaluation_and_is_shown_and_shares_stay() -> None:
    fleet = Fleet()
    await fleet.pass_by(5, {"a-1": 10.0, "b-1": 0.0})
    fleet.load._source = _Broken()

    async def counted() -> Counters:
        return Counters()

    with structlog.testing.capture_logs() as events:
        task = asyncio.create_task(fleet.load.keep(counted))
        await until_holds(lambda: bool(events), within=20)
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert events[0]["event"] == "load.defect"
    assert fleet.spill_ratio() == 0.1
