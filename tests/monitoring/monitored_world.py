"""A daemon of which every metric has a sample: what is rare is caused, by outside means.

Two services over four regions: us-east and us-west are simulated vLLMs of different versions, one
of them full; eu-west is asked over TLS and both address families, and fails once all is known;
ap-northeast is closed and drained, and one of its endpoints has a hostname that leads nowhere. A
zone and the configuration were edited badly. Another edge of its fleet says that all is up.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import dns.asyncquery
import dns.message
import nats as nats_client
from aiohttp import web
from harness.certificates import Authority, server_context
from harness.nats import nats
from harness.server import HEAD

from resolverd.daemon import Daemon
from resolverd.demo.faults import Fault
from resolverd.demo.vllm import SimulatedServer
from resolverd.fleet.names import subject
from resolverd.fleet.observed import (
    Head,
    Observed,
    digest_of,
    fragment,
    write_message,
    write_targets,
)
from resolverd.health.verdict import State
from resolverd.rtt.page import HEADER

NAMES = ("chat.inference.example", "pinned.inference.example", "www.inference.example")
MODEL = "a-model"
CONFIG = """\
[server]
listen = ["127.0.0.1:0"]
zones = ["*.zone"]
coordinates = [50.1, 8.7]
settle = "100ms"
state = "state"
tcp_per_client = 2
[admin]
socket = "{folder}/admin.sock"
listen = "127.0.0.1:0"
connections = 8
[fleet]
urls = ["{nats}"]
edge = "fra1"
start_wait = 0
[probe]
interval = "500ms"
fast_interval = "100ms"
timeout = "2s"
[alerts]
window = "30s"
requests = 1
[region.us-east]
coordinates = [39.0, -77.5]
rtt = ["{east}/rtt"]
gpu_metrics = ["{east}/gpus"]
[region.us-east.probe]
kind = "vllm"
model = "a-model"
[[region.us-east.endpoint]]
address = ["192.0.2.10", "2001:db8::10"]
url = "{east}"
[region.us-west]
coordinates = [37.4, -122.1]
[region.us-west.probe]
kind = "vllm"
model = "a-model"
[[region.us-west.endpoint]]
address = ["192.0.2.20"]
url = "{west}"
[region.eu-west]
coordinates = [53.3, -6.3]
[[region.eu-west.endpoint]]
address = ["192.0.2.30", "2001:db8::30"]
url = "https://edge.localhost:{tls}/"
[region.eu-west.probe]
ca = "{ca}"
sni = "probe.example.test"
[region.ap-northeast]
coordinates = [35.7, 139.7]
hours = ["mon 00:00-00:01"]
[[region.ap-northeast.endpoint]]
address = ["192.0.2.40"]
url = "http://127.0.0.1:{closed}"
[[region.ap-northeast.endpoint]]
hostname = "localhost"
url = "http://127.0.0.1:{closed}"
[service.chat]
regions = ["us-east", "us-west", "eu-west", "ap-northeast"]
policy = "ttft"
[service.pinned]
regions = ["eu-west", "us-west"]
[pin.here]
subnets = ["127.0.0.0/8"]
regions = ["eu-west"]
services = ["pinned"]
"""
_OVER_TLS = "https://edge.localhost:%d/"
ZONE = f"$ORIGIN inference.example.\n{HEAD}chat 60 DYNA chat\npinned 60 DYNA pinned\n" + "".join(
    f"big TXT {'x' * 200}{n:02d}\n" for n in range(20)
)


@dataclass
class Answering:
    """A server over TLS, and the status that it answers with."""

    port: int = 0
    status: int = 200


@dataclass
class World:
    """The configuration, and the servers behind it."""

    path: Path
    east: SimulatedServer
    west: SimulatedServer
    east_url: str
    tls: Answering


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    """Write the files and serve the regions."""
    east, west = SimulatedServer("us-east", MODEL), SimulatedServer("us-west", MODEL, version="0.1")
    authority = Authority(folder)
    async with AsyncExitStack() as stack:
        east_url = await stack.enter_async_context(_served(_with_pages(east)))
        west_url = await stack.enter_async_context(_served(west.application()))
        closed = stack.enter_context(socket.socket())
        closed.bind(("127.0.0.1", 0))
        tls = await stack.enter_async_context(_over_tls(authority.sign("server.pem")))
        server = await stack.enter_async_context(nats(folder / "nats"))
        telling = asyncio.create_task(_other_edge(server.url, {"eu-west-1": _OVER_TLS % tls.port}))
        stack.push_async_callback(_ended, telling)
        path = folder / "resolverd.toml"
        path.write_text(
            CONFIG.format(
                folder=folder,
                east=east_url,
                west=west_url,
                tls=tls.port,
                nats=server.url,
                ca=authority.ca,
                closed=closed.getsockname()[1],
            )
        )
        (folder / "0.zone").write_text(ZONE)
        (folder / "1.zone").write_text(f"$ORIGIN other.example.\n{HEAD}")
        yield World(path, east, west, east_url, tls)


async def cause(world: World, daemon: Daemon) -> None:
    """Once the daemon is ready: what happens once and is seen from then on."""
    folder = world.path.parent
    world.west.set_fault(Fault.SHEDDING)
    world.tls.status = 503
    (folder / "1.zone").write_text(f"$ORIGIN other.example.\n{HEAD}bad A 192.0.2.256\n")
    world.path.write_text(world.path.read_text() + "\n[server.oops]\n")
    connector = aiohttp.UnixConnector(str(folder / "admin.sock"))
    async with aiohttp.ClientSession(connector=connector) as session:
        body = {"target": "ap-northeast", "kind": "drain", "why": "a test", "force": True}
        async with session.post("http://localhost/override", json=body) as response:
            assert response.status == 200, await response.text()
        rule = {"service": "chat", "region": "eu-west", "share": 0.5, "why": "a test"}
        async with session.post("http://localhost/spill", json=rule) as response:
            assert response.status == 200, await response.text()
    host, _, port = str(daemon.admin.listener).rpartition(":")
    address = (host, int(port))
    listener = daemon.bound[0]
    await _connect(address, 9)  # more than the API keeps
    await _connect((listener.address, listener.port), 9)  # more than one client may have


async def _other_edge(nats_url: str, urls: dict[str, str]) -> None:
    """Tell, twice a second, that all of these are up."""
    up = {id_: fragment(Observed(State.UP, digest_of(url, ""))) for id_, url in urls.items()}
    client = await nats_client.connect(nats_url, allow_reconnect=False)
    try:
        while True:
            head = Head("iad1", "r", (39.0, -77.5), time.time(), time.monotonic(), 5.0)
            message = write_message(head, write_targets(up))
            await client.publish(subject("resolverd", "observations", "iad1"), message)
            await asyncio.sleep(0.5)
    finally:  # else it looks for its server for two minutes after the test
        await client.close()


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _connect(address: tuple[str, int], times: int) -> None:
    """Open so many connections at once, and ask nothing, until one of them is closed."""
    opened = await asyncio.gather(*(asyncio.open_connection(*address) for _ in range(times)))
    ends = [asyncio.create_task(reader.read()) for reader, _ in opened]
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    for _, writer in opened:
        writer.close()
    await asyncio.gather(*ends, return_exceptions=True)


async def ask(world: World, daemon: Daemon) -> None:
    """What happens all the time: queries of each kind, and requests to a server."""
    listener = daemon.bound[0]
    for name in NAMES:
        question = dns.message.make_query(name, "A")
        await dns.asyncquery.udp(question, listener.address, port=listener.port, timeout=5)
    big = dns.message.make_query("big.inference.example", "TXT")
    await dns.asyncquery.udp(big, listener.address, port=listener.port, timeout=5)
    await dns.asyncquery.tcp(big, listener.address, port=listener.port, timeout=5)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as junk:
        junk.sendto(b"short", (listener.address, listener.port))
        junk.sendto(big.to_wire() + b"\0", (listener.address, listener.port))
    request = {"model": MODEL, "prompt": "hello", "max_tokens": 1}
    async with aiohttp.request("POST", f"{world.east_url}/v1/completions", json=request) as reply:
        await reply.read()


def _with_pages(server: SimulatedServer) -> web.Application:
    """A server that has also its GPUs' exporter and a page of round-trip times."""

    async def gpus(_request: web.Request) -> web.Response:
        return web.Response(text='DCGM_FI_DEV_GPU_UTIL{gpu="0"} 50\n')

    async def rtt(_request: web.Request) -> web.Response:
        return web.Response(text=f"{HEADER}\n8.8.8.0/24,us-east,20,5,600\n")

    app = server.application()
    app.router.add_get("/gpus", gpus)
    app.router.add_get("/rtt", rtt)
    return app


@asynccontextmanager
async def _served(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def _over_tls(certificate: Path) -> AsyncIterator[Answering]:
    """A server over TLS at both addresses of localhost."""
    served = Answering()

    async def well(_request: web.Request) -> web.Response:
        return web.Response(status=served.status)

    app = web.Application()
    app.router.add_get("/{path:.*}", well)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    context = server_context(certificate)
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        served.port = runner.addresses[0][1]
        await web.TCPSite(runner, "::1", served.port, ssl_context=context).start()
        yield served
    finally:
        await runner.cleanup()
