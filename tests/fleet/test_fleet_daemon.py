"""Daemons of a fleet: what operators say at one all obey, and so does whoever starts later."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import threading
from pathlib import Path

import dns.asyncquery
import dns.edns
import dns.message
import pytest
from harness.config import CHAT, address_of
from harness.daemon import endpoints
from harness.fleet_daemons import DRAIN, NEAREST, answer, at, drain, fleet_daemon
from harness.nats import nats
from harness.waiting import until_holds
from structlog.testing import capture_logs

from resolverd.admin import drains
from resolverd.admin.operate import (
    NotOverriddenError,
    OverrideCommand,
    OverridesSet,
    clear_override,
    set_override,
)
from resolverd.admin.scope import UnknownEdgeError
from resolverd.admin.spills import NoRuleError, RuleCommand, clear_rule, set_rule
from resolverd.admin.state import state_of
from resolverd.daemon import Daemon
from resolverd.health.overrides import OverrideKind

RESTARTS = int(os.environ.get("FLEET_RESTARTS", "10"))
"""How often an edge is restarted under a drain."""


async def test_a_drain_said_at_one_daemon_holds_at_all(tmp_path: Path) -> None:
    async with (
        nats(tmp_path / "nats") as server,
        endpoints() as served,
        fleet_daemon(tmp_path / "fra1", served, server, "fra1") as fra,
        fleet_daemon(tmp_path / "ams1", served, server, "ams1") as ams,
    ):
        assert await answer(fra) == await answer(ams) == address_of(NEAREST)
        await until_holds(lambda: len(state_of(fra)["fleet"]["edges"]) == 2, within=30)
        put = await set_override(fra, drain())
        assert put.told == ("all", False, False, ("ams1", "fra1"), ())
        assert address_of(NEAREST) not in (await answer(fra), await answer(ams))
        assert at(ams) == [(NEAREST, "drain", "disks", "all", False)]
        cleared = await clear_override(ams, NEAREST, "op")
        assert cleared.told is not None
        assert not cleared.told.without
        assert await answer(fra) == await answer(ams) == address_of(NEAREST)
        with pytest.raises(NotOverriddenError):
            await clear_override(fra, NEAREST, "op")


async def test_a_drain_may_be_limited_to_one_daemon(tmp_path: Path) -> None:
    async with (
        nats(tmp_path / "nats") as server,
        endpoints() as served,
        fleet_daemon(tmp_path / "fra1", served, server, "fra1") as fra,
        fleet_daemon(tmp_path / "ams1", served, server, "ams1") as ams,
    ):
        await until_holds(lambda: len(state_of(fra)["fleet"]["edges"]) == 2, within=30)
        with pytest.raises(UnknownEdgeError, match="lon1"):
            await set_override(fra, drain("lon1"))
        await set_override(fra, drain("ams1"))
        assert await answer(fra) == address_of(NEAREST)
        assert await answer(ams) != address_of(NEAREST)
        assert at(ams) == [(NEAREST, "drain", "disks", "ams1", False)]
        await clear_override(fra, NEAREST, "op", "ams1")
        assert await answer(ams) == address_of(NEAREST)


async def test_a_drain_is_waited_out_for_the_longest_ttl_that_any_edge_has_given(
    tmp_path: Path,
) -> None:
    """They may serve different configurations, as while a published one is on trial."""
    short = f'{CHAT}failover_ttl = "1s"\n'
    async with (
        nats(tmp_path / "nats") as server,
        endpoints() as served,
        fleet_daemon(
            tmp_path / "fra1", served, server, "fra1", services=f'{short}ttl = "2s"\n'
        ) as fra,
        fleet_daemon(
            tmp_path / "ams1", served, server, "ams1", services=f'{short}ttl = "6s"\n'
        ) as ams,
    ):
        await until_holds(lambda: len(state_of(fra)["fleet"]["edges"]) == 2, within=30)
        command = OverrideCommand(NEAREST, DRAIN, "op", "disks", None)
        for asked in (fra, ams):
            drained = await drains.drain(asked, command)
            assert (drained.wait, list(drained.ttls)) == (6.0, ["chat"])
        of_one = dataclasses.replace(command, edge="fra1")
        for asked in (fra, ams):
            drained = await drains.drain(asked, of_one)
            assert (drained.wait, bool(drained.ttls)) == (2.0, asked is fra)


async def test_a_disk_that_does_not_answer_delays_no_word_of_what_is_obeyed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        nats(tmp_path / "nats") as server,
        endpoints() as served,
        fleet_daemon(tmp_path / "fra1", served, server, "fra1") as fra,
        fleet_daemon(tmp_path / "ams1", served, server, "ams1", state='state = "state"\n') as ams,
    ):
        await until_holds(lambda: len(state_of(fra)["fleet"]["edges"]) == 2, within=30)
        answers = threading.Event()
        write = ams.state.write

        def hanging(name: str, content: bytes) -> None:
            answers.wait(30)
            write(name, content)

        monkeypatch.setattr(ams.state, "write", hanging)
        try:
            put = await set_override(fra, drain())
        finally:
            answers.set()
        assert put.told is not None
        assert put.told.without == ()
        assert address_of(NEAREST) != await answer(ams)


async def test_no_restart_answers_with_a_drained_region(tmp_path: Path) -> None:
    """Whether the edge keeps anything itself or not."""
    async with (
        nats(tmp_path / "nats") as server,
        endpoints() as served,
        fleet_daemon(tmp_path / "fra1", served, server, "fra1") as fra,
    ):
        await set_override(fra, drain())
        for turn in range(RESTARTS):
            state = 'state = "state"\n' if turn % 2 else ""
            async with fleet_daemon(tmp_path / "ams1", served, server, "ams1", state=state) as ams:
                assert await answer(ams) != address_of(NEAREST)


async def test_without_nats_a_start_obeys_what_it_kept(tmp_path: Path) -> None:
    state = 'state = "state"\n'
    async with nats(tmp_path / "nats") as server, endpoints() as served:
        async with fleet_daemon(tmp_path / "fra1", served, server, "fra1", state=state) as fra:
            await set_override(fra, drain())
        await server.kill()
        async with fleet_daemon(
            tmp_path / "fra1", served, server, "fra1", state=state, wait="300ms"
        ) as fra:
            assert await answer(fra) != address_of(NEAREST)
            put = await set_override(
                fra, OverrideCommand("us-east", OverrideKind.DRAIN, "op", "racks", None)
            )
            assert put.told is not None
            assert put.told.pending
            assert ("us-east", "drain", "racks", "all", True) in at(fra)
            assert any("said here only" in trouble for trouble in state_of(fra)["degraded"])


CLIENTS = tuple(f"10.{block}.0.0" for block in range(40))
"""Blocks of which some are drawn below a share of one half, and others are not."""


async def spread(daemon: Daemon) -> dict[str, set[str]]:
    """The clients that get each address."""
    given: dict[str, set[str]] = {}
    listener = daemon.bound[0]
    for client in CLIENTS:
        query = dns.message.make_query(
            "chat.inference.example", "A", use_edns=0, options=[dns.edns.ECSOption(client, 24)]
        )
        response = await dns.asyncquery.udp(query, listener.address, port=listener.port, timeout=5)
        given.setdefault(str(response.answer[0][0]), set()).add(client)
    return given


def half(edge: str = "", share: float = 0.5) -> RuleCommand:
    """What an operator says."""
    return RuleCommand("chat", NEAREST, share, "op", "a launch", None, edge)


async def sent_on(daemon: Daemon) -> set[str]:
    """The clients that the nearest region does not answer."""
    given = await spread(daemon)
    return set(CLIENTS) - given.get(address_of(NEAREST), set())


async def test_a_spill_rule_said_at_one_daemon_moves_the_same_clients_at_all(
    tmp_path: Path,
) -> None:
    async with (
        nats(tmp_path / "nats") as server,
        endpoints() as served,
        fleet_daemon(tmp_path / "fra1", served, server, "fra1") as fra,
        fleet_daemon(tmp_path / "ams1", served, server, "ams1") as ams,
    ):
        await until_holds(lambda: len(state_of(fra)["fleet"]["edges"]) == 2, within=30)
        assert not await sent_on(fra)
        put = await set_rule(fra, half())
        assert put.told == ("all", False, False, ("ams1", "fra1"), ())
        moved = await sent_on(fra)
        assert set() < moved < set(CLIENTS)
        assert await sent_on(ams) == moved, "the blocks below the share are the same everywhere"
        (rule,) = state_of(ams)["spill_rules"]
        assert (rule["service"], rule["region"], rule["share"]) == ("chat", NEAREST, 0.5)
        assert (rule["who"], rule["why"], rule["scope"]) == ("op", "a launch", "all")

        async with fleet_daemon(tmp_path / "lon1", served, server, "lon1") as new:
            assert await sent_on(new) == moved, "a new edge takes it before it answers"

        with pytest.raises(UnknownEdgeError, match="paris"):
            await set_rule(fra, half("paris"))
        await set_rule(fra, half("ams1", 1.0))
        assert await sent_on(fra) == moved
        assert await sent_on(ams) == set(CLIENTS)
        await clear_rule(fra, "chat", NEAREST, "op")
        assert not await sent_on(fra)
        assert not await sent_on(ams)
        with pytest.raises(NoRuleError):
            await clear_rule(ams, "chat", NEAREST, "op")


async def test_an_edge_that_was_away_obeys_a_spill_rule_from_its_first_answer_on(
    tmp_path: Path,
) -> None:
    state = 'state = "state"\n'
    async with (
        nats(tmp_path / "nats") as server,
        endpoints() as served,
        fleet_daemon(tmp_path / "fra1", served, server, "fra1") as fra,
    ):
        async with fleet_daemon(tmp_path / "ams1", served, server, "ams1", state=state) as ams:
            assert not await sent_on(ams)
        await set_rule(fra, half(share=1.0))
        async with fleet_daemon(tmp_path / "ams1", served, server, "ams1", state=state) as ams:
            assert await sent_on(ams) == set(CLIENTS)
        await server.kill()
        async with fleet_daemon(
            tmp_path / "ams1", served, server, "ams1", state=state, wait="300ms"
        ) as ams:
            assert await sent_on(ams) == set(CLIENTS), "without NATS, from what it kept"


PINNED = f"""{CHAT}
[pin.gdpr]
subnets = ["127.0.0.0/8"]
regions = ["eu-west", "us-east"]
"""


async def test_two_operators_who_empty_a_fence_together_hear_of_it_at_every_edge(
    tmp_path: Path,
) -> None:
    """Each drains one of the two regions of a fence, at an edge that has not heard of the other."""
    async with (
        nats(tmp_path / "nats") as server,
        endpoints() as served,
        fleet_daemon(tmp_path / "fra1", served, server, "fra1", services=PINNED) as fra,
        fleet_daemon(tmp_path / "ams1", served, server, "ams1", services=PINNED) as ams,
        fleet_daemon(tmp_path / "lon1", served, server, "lon1", services=PINNED) as lon,
    ):
        await until_holds(lambda: len(state_of(fra)["fleet"]["edges"]) == 3, within=30)
        with capture_logs() as events:
            puts = await asyncio.gather(
                set_override(fra, OverrideCommand("eu-west", DRAIN, "ann", "disks", None)),
                set_override(ams, OverrideCommand("us-east", DRAIN, "bob", "racks", None)),
                return_exceptions=True,
            )
            done = [put for put in puts if isinstance(put, OverridesSet)]
            assert len(done) == 2, f"neither had heard of the other: {puts}"
            told = [[str(fence) for fence in put.emptied] for put in done]
            assert ["service chat under pin gdpr"] in told, "whoever was second is told"
            for daemon in (fra, ams, lon):
                await until_holds(lambda daemon=daemon: bool(daemon.outages.unserved), within=30)
        unserved = [event for event in events if event["event"] == "service.unserved"]
        assert [event["log_level"] for event in unserved] == ["error"] * 3
        said = {"eu-west: drain by ann: disks", "us-east: drain by bob: racks"}
        assert all(set(event["overrides"]) == said for event in unserved)
        for daemon in (fra, ams, lon):
            down = state_of(daemon)["down"]
            assert "chat (pin gdpr) has no region" in down
            assert "eu-west: drain by ann" in down
            assert "us-east: drain by bob" in down
            assert await answer(daemon) in (address_of("eu-west"), address_of("us-east"))
        await clear_override(lon, "us-east", "cy")
        for daemon in (fra, ams, lon):
            assert await answer(daemon) == address_of("us-east")
