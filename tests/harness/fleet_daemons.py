"""Daemons of a fleet in the test's own loop, what operators say there and what clients get."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import dns.asyncquery
import dns.edns
import dns.message

from harness.config import CHAT
from harness.daemon import Endpoints, running, write_files
from harness.nats import NatsServer, toml_urls
from harness.server import HEAD
from resolverd.admin.operate import (
    OverrideCommand,
)
from resolverd.admin.state import state_of
from resolverd.daemon import Daemon
from resolverd.health.overrides import OverrideKind

DRAIN = OverrideKind.DRAIN
NEAREST = "eu-west"
"""The region that this host's own clients get."""


def written(
    folder: Path,
    served: Endpoints,
    server: NatsServer,
    edge: str,
    state: str,
    wait: str,
    services: str,
) -> Path:
    """The files of an edge; the path of its configuration."""
    folder.mkdir(exist_ok=True)
    fleet = f'[fleet]\nurls = {toml_urls([server.url])}\nedge = "{edge}"\nstart_wait = "{wait}"\n'
    return write_files(
        folder,
        {"inference.example.": f"{HEAD}chat 60 DYNA chat\n"},
        served,
        services=fleet + services,
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
    services: str = CHAT,
) -> AsyncIterator[Daemon]:
    """A daemon of the fleet, ready."""
    async with running(written(folder, served, server, edge, state, wait, services)) as daemon:
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
