"""A real Prometheus is woken by the alert rules when a real daemon is in trouble.

The rules are the shipped ones, hurried: see clients.alert_rules. Those of the daemon itself and of
full regions are in test_alerts_fire_rarely.py, those of outcomes in test_prometheus.py.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp
from aiohttp import web
from clients.alert_watch import fired, until_fired, watched
from clients.client_world import prepare
from clients.prometheus_server import Prometheus
from harness.certificates import Authority, server_context
from harness.config import CHAT, REGIONS
from harness.daemon import Endpoints, endpoints, running, write_files
from harness.programs import free_port
from harness.server import HEAD

from resolverd.daemon import Daemon

ZONE = f"{HEAD}chat 60 DYNA chat\n"
SERVICES = f"""{CHAT}all_down = "servfail"
[pin.eu]
countries = ["DE"]
regions = ["eu-west"]
"""
ADMIN = 'socket = ""\nlisten = "127.0.0.1:{port}"\ntoken_file = "token"\n'
SERVER = 'engine = "reference"\n'


async def _drain(daemon: Daemon, region: str) -> None:
    await _say(daemon, "override", {"target": region, "kind": "drain", "why": "a test"})


async def _say(daemon: Daemon, path: str, body: dict[str, object]) -> None:
    token = {"Authorization": "Bearer open-sesame"}
    url = f"http://{daemon.admin.listener}/{path}"
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, json=body, headers=token) as response,
    ):
        assert response.status == 200, await response.text()


@asynccontextmanager
async def _ending(folder: Path) -> AsyncIterator[str]:
    """The URL of an endpoint whose certificate ends within a day."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        context = server_context(Authority(folder).sign("ending.pem", days=0.9))
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        yield f"https://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def _world(folder: Path, served: Endpoints) -> Path:
    """The files of a daemon with an old database and the slow engine."""
    folder.mkdir()
    (folder / "token").write_text("open-sesame\n")
    admin = ADMIN.format(port=free_port())
    server = SERVER + prepare(folder)
    return write_files(
        folder, {"inference.example.": ZONE}, served, services=SERVICES, server=server, admin=admin
    )


def _other_world(folder: Path, served: Endpoints, url: str) -> Path:
    """Those of one that has an older zone, and a certificate that ends."""
    path = _world(folder, served)
    (zone,) = folder.glob("*.zone")
    zone.write_text(zone.read_text().replace("hostmaster 7 ", "hostmaster 6 ", 1))
    before, _, after = path.read_text().partition("[[region.us-west.endpoint]]")
    after = after.replace(served.urls()["us-west"], url, 1)
    text = f"{before}[[region.us-west.endpoint]]{after}"
    path.write_text(
        text.replace("[region.us-west.probe]\n", "[region.us-west.probe]\nverify_tls = false\n", 1)
    )
    return path


async def test_what_is_wrong_with_a_daemon_and_its_regions_is_heard(tmp_path: Path) -> None:
    async with endpoints() as served, _ending(tmp_path) as url, contextlib.AsyncExitStack() as ends:
        path = _world(tmp_path / "one", served)
        other = await ends.enter_async_context(
            running(_other_world(tmp_path / "other", served, url))
        )
        async with running(path) as daemon:
            targets = [daemon.admin.listener, other.admin.listener]
            watching = await ends.enter_async_context(watched(tmp_path, *targets))
            await _region_by_region(watching, daemon, served)
            path.write_text(f"{path.read_text()}[region.nowhere]\n")
            await until_fired(watching, {("ReloadRefused", "")})
        await until_fired(watching, {("DaemonDown", "")})


async def _region_by_region(watching: Prometheus, daemon: Daemon, served: Endpoints) -> None:
    """The nearest region dies, another one is drained, and at last none is left."""
    files = {
        ("ReferenceEngine", ""),
        ("GeoDatabaseOld", ""),
        ("ZonesDiffer", ""),
        ("CertificateEnds", "us-west-1"),
        ("CertificateEndsNow", "us-west-1"),
    }
    await until_fired(watching, files)
    quiet = {
        "ServiceDown",
        "RegionDown",
        "EndpointDown",
        "FailoverShare",
        "ServfailShare",
        "PinDown",
    }
    assert not quiet & {name for name, _ in await fired(watching)}
    served.status["eu-west"] = 500
    dead = {("RegionDown", "eu-west"), ("EndpointDown", "eu-west-1"), ("FailoverShare", "chat")}
    await until_fired(watching, dead | {("PinDown", "chat")}, daemon)
    await _drain(daemon, "ap-northeast")
    rule = {"service": "chat", "region": "us-east", "share": 0, "why": "a test"}
    await _say(daemon, "spill", rule)
    drained = {
        ("RegionDown", "eu-west"),
        ("OverrideForgotten", "ap-northeast"),
        ("SpillRuleForgotten", "us-east"),
    }
    seen = await until_fired(watching, drained, daemon, over={"FailoverShare"})
    assert ("RegionDown", "ap-northeast") not in seen
    assert "RegionOutcomesUnknown" not in {name for name, _ in seen}
    served.status.update(dict.fromkeys(REGIONS, 500))
    await until_fired(watching, {("ServiceDown", "chat"), ("ServfailShare", "")}, daemon)
    served.status.clear()


@contextmanager
def _black_hole() -> Iterator[int]:
    """A port of 127.0.0.1 from which nothing comes back: its queue of connections is full."""
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        port: int = listening.getsockname()[1]
        with contextlib.suppress(TimeoutError):
            while True:
                address = ("127.0.0.1", port)
                stack.enter_context(socket.create_connection(address, timeout=0.2))
        yield port


async def test_an_edge_host_that_hears_nothing_is_heard_and_blames_no_region(
    tmp_path: Path,
) -> None:
    with _black_hole() as port:
        path = write_files(
            tmp_path,
            {"inference.example.": ZONE},
            Endpoints(port),
            admin='socket = ""\nlisten = "127.0.0.1:0"',
        )
        async with running(path) as daemon, watched(tmp_path, daemon.admin.listener) as watching:
            await until_fired(watching, {("ProbesIsolated", "")})
            names = {name for name, _ in await fired(watching)}
            assert not names & {"RegionDown", "EndpointDown"}
