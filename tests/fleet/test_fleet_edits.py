"""Edits at a daemon of a fleet that move or take away what the fleet's words are on."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from harness.config import CHAT, address_of
from harness.daemon import endpoints, running
from harness.fleet_daemons import DRAIN, NEAREST, answer, fleet_daemon, written
from harness.nats import nats
from harness.waiting import until_holds
from structlog.testing import capture_logs

from resolverd.admin.operate import (
    OverrideCommand,
    clear_override,
    set_override,
)

ANOTHER = '[[region.eu-west.endpoint]]\naddress = ["192.0.2.99"]\nurl = "http://127.0.0.1:9"\n'


@pytest.mark.parametrize("added", [ANOTHER, '[[region.eu-west.endpoint]]\nname = "amsterdam"\n'])
async def test_a_drain_is_in_force_again_once_an_edit_that_moved_it_is_undone(
    tmp_path: Path, added: str
) -> None:
    """As where a set is on trial with its losses accepted, and the edge returns from it."""
    async with (
        nats(tmp_path / "nats") as server,
        endpoints() as served,
        fleet_daemon(tmp_path / "fra1", served, server, "fra1", state="watch = false\n") as fra,
    ):
        await set_override(fra, OverrideCommand("eu-west-1", DRAIN, "op", "disks", None))
        assert await answer(fra) != address_of(NEAREST)
        path = tmp_path / "fra1" / "resolverd.toml"
        text, table = path.read_text(), "[[region.eu-west.endpoint]]\n"
        numbered = added is ANOTHER
        path.write_text(text.replace(table, added + table if numbered else added))
        assert not await fra.reload()
        (problem,) = [p for p in fra.reloads.problems if p.id == "override-lost"]
        assert "resolverd clear eu-west-1" in problem.hint
        assert ("reload --yes" in problem.hint) != numbered, "the word on a number stands"
        assert await fra.reload(accept_losses=True)
        assert list(fra.overrides.active(time.monotonic())) == ["eu-west-1"] * numbered
        path.write_text(text)
        assert await fra.reload(accept_losses=True)
        assert list(fra.overrides.active(time.monotonic())) == ["eu-west-1"]
        assert await answer(fra) != address_of(NEAREST)


async def test_a_start_holds_no_edit_for_a_drain_that_was_cleared_meanwhile(tmp_path: Path) -> None:
    async with (
        nats(tmp_path / "nats") as server,
        endpoints() as served,
        fleet_daemon(tmp_path / "ams1", served, server, "ams1") as ams,
    ):
        state = 'state = "state"\nwatch = false\n'
        path = written(tmp_path / "fra1", served, server, "fra1", state, "5s", CHAT)
        async with running(path) as fra:
            await set_override(fra, OverrideCommand("eu-west-1", DRAIN, "op", "disks", None))
            await until_holds(lambda: bool(fra.reloads.restart), within=30)
        await clear_override(ams, "eu-west-1", "op")
        table = "[[region.eu-west.endpoint]]\n"
        path.write_text(path.read_text().replace(table, f'{table}name = "amsterdam"\n'))
        with capture_logs() as events:
            async with running(path) as fra:
                await until_holds(lambda: "amsterdam" in fra.inputs.targets.by_id, within=30)
                await until_holds(lambda: not fra.reloads.outdated, within=30)
        assert "start.held" in [event["event"] for event in events]
