"""A region that is full, over real sockets: what DNS answers to many clients while it lasts."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from harness.config import REGIONS, address_of, config_text
from harness.engines import ENGINES, EngineName
from live_daemon import NETWORKS, addresses, ask, running, until, zone_text
from mmdb_writer import write_mmdb
from structlog.testing import capture_logs

from resolverd.daemon import Daemon
from resolverd.demo.faults import Fault
from resolverd.demo.vllm import SimulatedServer
from resolverd.dns.prefix import parse_prefix
from resolverd.policy.share import draw

MODEL = "a-model"
HOME, NEXT = address_of("ap-northeast"), address_of("us-west")
PINNED = ["1.1.1.0", "1.1.2.0", "1.1.3.0"]
CLIENTS = [f"1.2.{block}.0" for block in range(80)]
PROBE = f"""
kind = "vllm"
model = "{MODEL}"
interval = "100ms"
fast_interval = "100ms"
timeout = "10s"
"""
SERVICES = """
[service.chat]
regions = ["us-east", "us-west", "eu-west", "ap-northeast"]
ttl = "1s"
failover_ttl = "1s"
spill = { step = 0.2, max_ratio = 0.4, dwell = "3s", smoothing = 1.0 }

[pin.residency]
subnets = ["1.1.0.0/16"]
regions = ["ap-northeast"]
"""

Servers = dict[str, SimulatedServer]


@pytest.fixture
async def servers() -> AsyncIterator[tuple[Servers, dict[str, str]]]:
    """A simulated vLLM for each region, and their URLs."""
    made: Servers = {}
    urls: dict[str, str] = {}
    runners = []
    for region in REGIONS:
        made[region] = SimulatedServer(region, MODEL)
        runner = web.AppRunner(made[region].application(), access_log=None, shutdown_timeout=0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        urls[region] = f"http://127.0.0.1:{runner.addresses[0][1]}"
        runners.append(runner)
    yield made, urls
    for runner in runners:
        await runner.cleanup()


def _write(folder: Path, urls: dict[str, str], engine: EngineName) -> Path:
    write_mmdb(folder / "city.mmdb", NETWORKS)
    (folder / "example.zone").write_text(zone_text("192.0.2.80"))
    path = folder / "resolverd.toml"
    server = (
        f'listen = ["127.0.0.1:0"]\nzones = ["*.zone"]\nsettle = "100ms"\nengine = "{engine}"\n'
    )
    server += 'geoip = ["city.mmdb"]\n'
    path.write_text(config_text(SERVICES, server=server, probe=PROBE, urls=urls))
    return path


async def _sweep(daemon: Daemon) -> frozenset[str]:
    """Ask for every client; those that are sent on."""
    region_of = {}
    for client in (*CLIENTS, *PINNED):
        answer = await ask(daemon, "chat.inference.example", client)
        assert answer.answer[0].ttl == 1
        (region_of[client],) = addresses(answer)
    assert {region_of[client] for client in PINNED} == {HOME}, "a pinned client never leaves"
    assert set(region_of.values()) <= {HOME, NEXT}
    return frozenset(client for client in CLIENTS if region_of[client] == NEXT)


def _drawn_below(share: float) -> frozenset[str]:
    """The clients whom a region that sends on this share has elsewhere."""
    return frozenset(each for each in CLIENTS if draw(parse_prefix(f"{each}/24")) < share)


@pytest.mark.parametrize("engine", ENGINES)
async def test_a_full_region_sends_a_share_of_its_clients_on_by_steps_and_gets_it_back(
    tmp_path: Path, servers: tuple[Servers, dict[str, str]], engine: EngineName
) -> None:
    made, urls = servers
    with capture_logs() as events:
        await _filled_and_emptied(_write(tmp_path, urls, engine), made)
    steps = [e["share"] for e in events if e["event"].startswith("spill.")]
    assert steps == [0.2, 0.4, 0.2, 0.0]


async def _filled_and_emptied(path: Path, made: Servers) -> None:
    """Fill a region and empty it, asking all the while."""
    async with running(path) as daemon:
        sent: list[frozenset[str]] = [await _sweep(daemon)]
        assert sent == [frozenset()]

        async def all_sent() -> bool:
            sent.append(await _sweep(daemon))
            return sent[-1] == _drawn_below(0.4)

        made["ap-northeast"].set_fault(Fault.SATURATED)
        await until(all_sent)
        assert all(before <= after for before, after in itertools.pairwise(sent))
        assert daemon.transitions.regions == daemon.transitions.endpoints == {}, (
            "nothing was withdrawn"
        )

        back: list[frozenset[str]] = [sent[-1]]

        async def none_sent() -> bool:
            back.append(await _sweep(daemon))
            return not back[-1]

        made["ap-northeast"].set_fault(None)
        await until(none_sent)
        assert all(before >= after for before, after in itertools.pairwise(back))
        assert daemon.load.spilling.episodes == {("chat", "ap-northeast"): 1}
