"""A real Prometheus is woken by a fleet: NATS lost, words that wait, paths at fault, generations.

The NATS is a real server, the edges are real daemons, and the states are caused as they would come
about. The rules are the shipped ones, hurried: see clients.alert_rules.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from clients.alert_watch import until_fired, until_found, watched
from harness.config import CHAT
from harness.daemon import Endpoints, endpoints, running, write_files
from harness.nats import NatsServer, nats, toml_urls
from harness.process import Regions
from harness.programs import free_port
from harness.server import HEAD
from published_edges import QUICK, Central, PublishedEdge

from resolverd.admin.operate import OverrideCommand, set_override
from resolverd.daemon import Daemon
from resolverd.health.overrides import OverrideKind

FLEET = {"FleetQuorumLost", "FleetWordsPending", "FleetPathFault"}
GENERATIONS = {"GenerationWaveStuck", "GenerationBehind", "GenerationReturned"}
REGION = "eu-west"
OWN = '[place.lab]\nsubnets = ["198.51.100.0/24"]\ncoordinates = [50.0, 8.0]\n'
"""What an edge's own file says, and a set must not say too."""


@asynccontextmanager
async def _edge(
    folder: Path, served: Endpoints, server: NatsServer, name: str, metrics: str
) -> AsyncIterator[Daemon]:
    """A daemon of the fleet; its probes tell the endpoints whose they are."""
    async with running(_files(folder, served, server, name, metrics)) as daemon:
        yield daemon


def _files(folder: Path, served: Endpoints, server: NatsServer, name: str, metrics: str) -> Path:
    folder.mkdir()
    path = write_files(
        folder,
        {"inference.example.": f"{HEAD}chat 60 DYNA chat\n"},
        served,
        services=f'[fleet]\nurls = {toml_urls([server.url])}\nedge = "{name}"\n{CHAT}',
        admin=f'socket = ""\nlisten = "{metrics}"\n',
    )
    path.write_text(path.read_text().replace('"X-Region" = "', f'"X-Region" = "{name} '))
    return path


async def test_an_edge_whose_path_is_at_fault_and_a_fleet_without_nats_are_heard(
    tmp_path: Path,
) -> None:
    pages = _pages()
    async with (
        watched(tmp_path, *pages) as watching,
        nats(tmp_path / "nats") as server,
        endpoints() as served,
        _edge(tmp_path / "fra1", served, server, "fra1", pages[0]) as fra,
        _edge(tmp_path / "ams1", served, server, "ams1", pages[1]),
    ):
        await until_found(watching, "sum(resolverd_fleet_live_edges) == 2")
        await until_fired(watching, set(), over=FLEET)
        served.status[f"fra1 {REGION}"] = 500
        seen = await until_fired(watching, {("FleetPathFault", "eu-west-1")})
        assert "FleetQuorumLost" not in {name for name, _ in seen}
        served.status.clear()
        await until_fired(watching, set(), over={"FleetPathFault"})
        await server.kill()
        seen = await until_fired(watching, {("FleetQuorumLost", "")})
        assert "FleetWordsPending" not in {name for name, _ in seen}
        drain = OverrideCommand(REGION, OverrideKind.DRAIN, "op", "disks", None)
        await set_override(fra, drain)
        await until_fired(watching, {("FleetWordsPending", "")})
        await server.start()
        await until_fired(watching, set(), over={"FleetQuorumLost", "FleetWordsPending"})


def _pages() -> list[str]:
    """Where two edges have their metrics: Prometheus starts first, for it takes five seconds until
    it scrapes.
    """
    return [f"127.0.0.1:{free_port()}" for _ in range(2)]


@contextmanager
def _published(folder: Path, url: str, pages: list[str]) -> Iterator[tuple[Central, PublishedEdge]]:
    """A directory to publish from, and fra, one of two edges that serve its first set.

    ams is the canary.
    """
    central = Central(folder / "central", [url], Regions())
    edges = [
        PublishedEdge(folder / name, name, [url], metrics=page)
        for name, page in zip(("ams", "fra"), pages, strict=True)
    ]
    try:
        ran = central.publish(*QUICK, "--no-wait")
        assert ran.status == 0, ran
        for edge in edges:
            edge.start()
        for edge in edges:
            edge.serves(1)
        yield central, edges[1]
    finally:
        for edge in edges:
            edge.close()


async def test_generations_that_wait_return_or_are_not_served_are_heard(tmp_path: Path) -> None:
    pages = _pages()
    async with watched(tmp_path, *pages) as watching, nats(tmp_path / "nats") as server:
        with _published(tmp_path, server.url, pages) as (central, fra):
            await until_found(watching, "sum(resolverd_generation_served) == 2")
            await until_fired(watching, set(), over=GENERATIONS)
            _publish_what_returns(central)
            seen = await until_fired(watching, {("GenerationReturned", "")})
            assert "GenerationBehind" not in {name for name, _ in seen}
            _publish_what_fra_cannot_serve(central, fra)
            await until_fired(watching, {("GenerationBehind", "")})
            _publish_for_a_canary_that_is_away(central)
            await until_fired(watching, {("GenerationWaveStuck", "")})
            assert central.publish("--abort", "--note", "a test").status == 0
            await until_fired(watching, set(), over={"GenerationWaveStuck"})


def _publish_what_returns(central: Central) -> None:
    """A set whose every region is dead: it fails its proof at the canary."""
    central.write(f'{CHAT}all_down = "servfail"\n', url="http://127.0.0.1:1", serial=8)
    ran = central.publish(*QUICK)
    assert ran.status == 1, ran
    assert "was returned: ams: " in ran.err


def _publish_what_fra_cannot_serve(central: Central, fra: PublishedEdge) -> None:
    """A set that is completed while fra is away, and that its own file contradicts then."""
    fra.stop()
    central.write(CHAT + OWN, serial=9)
    ran = central.publish(*QUICK, "--yes")
    assert ran.status == 0, ran
    fra.write(OWN)
    fra.start()


def _publish_for_a_canary_that_is_away(central: Central) -> None:
    """A set whose first wave is an edge that is not there."""
    central.write(CHAT + OWN, serial=10)
    ran = central.publish(*QUICK, "--canary", "nrt", "--no-wait")
    assert ran.status == 0, ran
