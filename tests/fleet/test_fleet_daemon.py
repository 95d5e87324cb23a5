"""Daemons of a fleet: what operators say at one all obey, and so does whoever starts later."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import dns.asyncquery
import dns.message
import pytest
from harness.config import CHAT, address_of
from harness.daemon import Endpoints, endpoints, running, write_files
from harness.nats import NatsServer, nats, toml_urls
from harness.server import HEAD
from harness.waiting import until_holds

from resolverd.admin.operate import (
    NotOverriddenError,
    OverrideCommand,
    clear_override,
    set_override,
)
from resolverd.admin.scope import UnknownEdgeError
from resolverd.admin.state import state_of
from resolverd.daemon import Daemon
from resolverd.health.overrides import OverrideKind

RESTARTS = int(os.environ.get("FLEET_RESTARTS", "10"))
"""How often an edge is restarted under a drain."""

NEAREST = "eu-west"
"""The region that this host's own clients get."""


def written(
    folder: Path, served: Endpoints, server: NatsServer, edge: str, state: str, wait: str
) -> Path:
    """The files of an edge; the path of its configuration."""
    folder.mkdir(exist_ok=True)
    fleet = f'[fleet]\nurls = {toml_urls([server.url])}\nedge = "{edge}"\nstart_wait = "{wait}"\n'
    return write_files(
        folder,
        {"inference.example.": f"{HEAD}chat 60 DYNA chat\n"},
        served,
        services=fleet + CHAT,
        server=state,
    )


@asynccontextmanager
async def fleet_daemon(
    folder: Path,
    served: Endpoints,
    server: NatsServer,
    edge: str,
    *,
    state: str = "",
    wait: str = "5s",
) -> AsyncIterator[Daemon]:
    """A daemon of the fleet, ready."""
    async with running(written(folder, served, server, edge, state, wait)) as daemon:
        yield daemon


async def answer(daemon: Daemon) -> str:
    """The address that a client of here gets."""
    listener = daemon.bound[0]
    query = dns.message.make_query("chat.inference.example", "A")
    response = await dns.asyncquery.udp(query, listener.address, port=listener.port, timeout=5)
    return str(response.answer[0][0])


def drain(edge: str = "") -> OverrideCommand:
    """What an operator says."""
    return OverrideCommand(NEAREST, OverrideKind.DRAIN, "op", "disks", None, edge=edge)


def at(daemon: Daemon) -> list[tuple[str, str, str, str | None, bool]]:
    """The overrides that a daemon shows."""
    keys = ("target", "kind", "why", "scope", "pending")
    return [tuple(override[key] for key in keys) for override in state_of(daemon)["overrides"]]


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
        assert put.telling == ("all", False, ("ams1", "fra1"), ())
        assert address_of(NEAREST) not in (await answer(fra), await answer(ams))
        assert at(ams) == [(NEAREST, "drain", "disks", "all", False)]
        cleared = await clear_override(ams, NEAREST, "op")
        assert cleared.telling is not None
        assert not cleared.telling.without
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
            assert put.telling is not None
            assert put.telling.pending
            assert ("us-east", "drain", "racks", "all", True) in at(fra)
            assert any("said here only" in trouble for trouble in state_of(fra)["degraded"])
