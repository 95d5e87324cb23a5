"""Spill rules where load is read: they go before it, and it decides again after them."""

from __future__ import annotations

import pytest
import structlog
from load_fleet import Fleet, fleet_config, verdict

from resolverd.health.verdict import State
from resolverd.policy.operator_rules import OperatorRule


def obey(fleet: Fleet, **shares: float) -> None:
    """Have operators say these shares of regions of chat, or of the service itself."""
    fleet.load.obey(
        {
            "chat" if region == "chat" else f"chat/{region}": OperatorRule(s, "op", "x", fleet.now)
            for region, s in shares.items()
        }
    )
    fleet.steer()


async def test_a_full_region_that_is_off_sends_nobody_on_and_begins_by_a_step_after() -> None:
    fleet = Fleet()
    await fleet.pass_by(130, {"a-1": 10.0, "b-1": 0.0})
    assert fleet.spill_ratio() == 0.3
    obey(fleet, chat=0.0)
    assert (fleet.spill_ratio(), fleet.accept_ratio()) == (0, 0)
    await fleet.pass_by(200, {"a-1": 10.0, "b-1": 0.0})
    assert (fleet.spill_ratio(), fleet.accept_ratio()) == (0, 0)
    obey(fleet)
    await fleet.pass_by(5, {"a-1": 10.0, "b-1": 0.0})
    assert fleet.spill_ratio() == 0.1


async def test_a_share_is_taken_at_once_and_goes_back_by_steps_after() -> None:
    fleet = Fleet()
    await fleet.pass_by(5, {"a-1": 0.0, "b-1": 0.0})
    with structlog.testing.capture_logs() as events:
        obey(fleet, a=0.3)
        assert (fleet.spill_ratio(), fleet.accept_ratio()) == (0.3, 0.3)
        await fleet.pass_by(200, {"a-1": 10.0, "b-1": 0.0})
        assert (fleet.spill_ratio(), fleet.accept_ratio()) == (0.3, 0.3)
        obey(fleet)
        await fleet.pass_by(400, {"a-1": 0.0, "b-1": 0.0})
    assert (fleet.spill_ratio(), fleet.accept_ratio()) == (0, 0)
    assert [event["share"] for event in events] == pytest.approx([0.3, 0.2, 0.1, 0])
    assert fleet.load.spilling.episodes == {("chat", "a"): 1}


@pytest.mark.parametrize("waiting", [4.5, 10.0], ids=["nearly full", "full"])
async def test_more_than_max_ratio_goes_back_by_steps_after_a_rule(waiting: float) -> None:
    fleet, reading = Fleet(), {"a-1": waiting, "b-1": 0.0}
    await fleet.pass_by(5, reading)
    obey(fleet, a=1.0)
    await fleet.pass_by(30, reading)
    obey(fleet)
    assert fleet.spill_ratio() == 1.0
    await fleet.pass_by(130, reading)
    assert 0.7 <= fleet.spill_ratio() <= 0.9
    await fleet.pass_by(400, reading)
    assert fleet.spill_ratio() == 0.5


async def test_an_edit_that_lowers_max_ratio_takes_back_what_is_more_by_steps() -> None:
    fleet, reading = Fleet(), {"a-1": 10.0, "b-1": 0.0}
    await fleet.pass_by(400, reading)
    assert fleet.spill_ratio() == 0.5
    fleet.adopt(fleet_config({"spill": {"max_ratio": 0.1}}))
    await fleet.pass_by(130, reading)
    assert 0.2 <= fleet.spill_ratio() <= 0.4
    await fleet.pass_by(200, reading)
    assert (fleet.spill_ratio(), fleet.accept_ratio()) == (0.1, 0.1)


async def test_nobody_who_is_full_unknown_or_down_takes_what_an_operator_sends_on() -> None:
    for waiting, state in ((6.0, State.UP), (None, State.UP), (0.0, State.DOWN)):
        fleet = Fleet()
        await fleet.pass_by(5, {"a-1": 0.0, "b-1": waiting})
        fleet.said["b-1"] = verdict(state)
        obey(fleet, a=0.5)
        await fleet.pass_by(130, {"a-1": 0.0, "b-1": waiting})
        assert (fleet.spill_ratio(), fleet.accept_ratio()) == (0.5, 0)


async def test_a_service_that_spills_nothing_by_itself_obeys_a_rule_and_nothing_more() -> None:
    fleet = Fleet(fleet_config({"spill": {"enabled": False}}))
    obey(fleet, a=0.3)
    await fleet.pass_by(130, {"a-1": 10.0, "b-1": 0.0})
    assert (fleet.spill_ratio("a"), fleet.accept_ratio("b")) == (0.3, 0.3)
    obey(fleet, a=0.3, b=0.0)
    assert (fleet.spill_ratio("a"), fleet.accept_ratio("b")) == (0.3, 0)
    obey(fleet, b=0.0)
    await fleet.pass_by(130, {"a-1": 10.0, "b-1": 0.0})
    assert (fleet.spill_ratio("a"), fleet.accept_ratio("b")) == (0, 0)
    with structlog.testing.capture_logs() as events:
        obey(fleet)
    assert fleet.load.shares() == {}
    assert not events


async def test_a_region_that_dies_under_a_rule_has_its_share_again_when_it_is_back() -> None:
    fleet = Fleet()
    await fleet.pass_by(5, {"a-1": 0.0, "b-1": 0.0})
    obey(fleet, a=0.3)
    fleet.said["a-1"] = verdict(State.DOWN)
    fleet.steer()
    assert (fleet.spill_ratio(), fleet.accept_ratio()) == (0, 0)
    fleet.said["a-1"] = verdict()
    fleet.steer()
    assert (fleet.spill_ratio(), fleet.accept_ratio()) == (0.3, 0.3)
