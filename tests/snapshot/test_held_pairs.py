"""Regions that blocks keep behind an edge: by the order in which they are near to its region."""

from __future__ import annotations

from dataclasses import replace

import pytest
from harness.config import address_of, config_text
from harness.places import LONDON, TableLocator, database_locator
from harness.server import DOWN, HEAD, NOW, UP, Server, snapshot_of

from resolverd.abi.library import why_not
from resolverd.health.overrides import Overrides
from resolverd.health.resolved import UNRESOLVED
from resolverd.snapshot.earlier_maps import with_earlier_maps
from resolverd.snapshot.model import Plan, Snapshot, Steering
from resolverd.snapshot.regions import World
from resolverd.snapshot.steer import steer

ZONE = f"{HEAD}edge 60 DYNA edge\ncore.edge 60 DYNA edge/core\nchat 60 DYNA chat\n"
PAIR = """
[service.chat]
regions = ["us-east", "us-west"]
sticky = "30m"
{core}
[service.edge]
regions = ["eu-west", "ap-northeast"]
core = "chat"
"""
UNIX = 1_764_000_000.0
BRITAIN = "10.1.0.1"


def plan_of(core: str, compiled: bool) -> Plan:
    locator = (database_locator if compiled else TableLocator)({"10.1.0.0/16": LONDON})
    config = config_text(PAIR.format(core=core))
    zones = {"inference.example.": ZONE}
    return snapshot_of(zones, config, locator=locator, compiled=compiled).plan


def steered(plan: Plan, down: str, unix: float, before: Steering | None = None) -> Steering:
    verdicts = {f"{name}-1": UP for name in ("us-east", "us-west", "eu-west", "ap-northeast")}
    if down:
        verdicts[f"{down}-1"] = DOWN
    world = World(verdicts, Overrides(), lambda _: UNRESOLVED, {})
    return steer(1, plan, world, NOW, before.histories if before else {}, unix)


def reloaded(compiled: bool, down: str) -> Snapshot:
    """After an edit of the core's map that leaves everybody's order as it is."""
    first, second = plan_of("", compiled), plan_of("block_v4 = 20", compiled)
    second = replace(second, services=with_earlier_maps(second.services, 2, first))
    before = steered(first, down, UNIX)
    return Snapshot(second, steered(second, down, UNIX + 5, before))


@pytest.mark.parametrize("down", ["", "eu-west"])
def test_a_reload_that_moves_nobody_moves_nobody_behind_an_edge(down: str) -> None:
    """The earlier map has the core's own order for the client, which nobody there was given by."""
    made = [reloaded(compiled, down) for compiled in (False, True)[: 2 - bool(why_not())]]
    assert made[0].steering.histories["chat"].segments[0].earlier
    served = Server(*made)
    for name, region in (("core.edge", "us-west" if down else "us-east"), ("chat", "us-east")):
        message = served.ask(f"{name}.inference.example.", source=BRITAIN)
        assert [r.address for r in message.answer[0]] == [address_of(region)], name
