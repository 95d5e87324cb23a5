"""Fixtures: loopback endpoints, the files of a good configuration, a daemon that serves them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from harness.config import REGIONS
from live_daemon import NETWORKS, Endpoint, Files, good_config, running, zone_text
from mmdb_writer import write_mmdb

from resolverd.daemon import Daemon


@pytest.fixture
async def endpoints() -> AsyncIterator[dict[str, Endpoint]]:
    """One endpoint per region."""
    made: dict[str, Endpoint] = {}
    runners = []
    for region in REGIONS:
        endpoint = Endpoint("")
        endpoint.gate.set()

        async def answer(_: web.Request, endpoint: Endpoint = endpoint) -> web.Response:
            await endpoint.gate.wait()
            return web.Response(status=endpoint.status)

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        endpoint.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        made[region] = endpoint
        runners.append(runner)
    yield made
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
def files(tmp_path: Path, endpoints: dict[str, Endpoint]) -> Files:
    """A good configuration, zone and database."""
    made = Files(tmp_path / "resolverd.toml", tmp_path / "example.zone", tmp_path / "city.mmdb")
    write_mmdb(made.database, NETWORKS)
    made.zone.write_text(zone_text("192.0.2.80"))
    made.config.write_text(good_config(endpoints))
    return made


@pytest.fixture
async def daemon(files: Files) -> AsyncIterator[Daemon]:
    """A daemon over `files`, ready."""
    async with running(files.config) as started:
        yield started
