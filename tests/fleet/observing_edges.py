"""Daemons that probe the same three regions, each by a way of its own that a test can cut."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from aiohttp import web
from harness.server import HEAD
from harness.waiting import until_holds

from resolverd.daemon import Daemon
from resolverd.fleet.observations import Observations
from resolverd.health.verdict import Verdict

EDGES = ("fra1", "iad1", "sin1", "gru1", "syd1")
PLACES = {"fra1": (50.1, 8.7), "iad1": (39.0, -77.5), "sin1": (1.3, 103.8),
          "gru1": (-23.5, -46.6), "syd1": (-33.9, 151.2)}  # fmt: skip
REGIONS = {"eu": (53.3, -6.3), "us": (37.4, -122.1), "ap": (35.7, 139.7)}
ADDRESSES = {"eu": "192.0.2.10", "us": "192.0.2.20", "ap": "192.0.2.30"}
QUICK = 'interval = "1s"\nfast_interval = "250ms"\ntimeout = "500ms"\nflap_damping = 0'

until = partial(until_holds, within=60.0)


@dataclass
class World:
    """The regions' servers: which are `dead`, and which (edge, region) nothing passes between.

    What is `silent` answers nobody; everything else that is dead refuses (HTTP 500).
    """

    urls: dict[str, str] = field(default_factory=dict)
    dead: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    blinded: set[tuple[str, str]] = field(default_factory=set)
    probes: list[tuple[float, str, str]] = field(default_factory=list)

    async def answer(self, region: str, request: web.Request) -> web.Response:
        edge = request.headers.get("X-Edge", "")
        self.probes.append((time.monotonic(), edge, region))
        if (edge, region) in self.blinded or region in self.silent:
            await asyncio.sleep(3600)
        return web.Response(status=500 if region in self.dead else 200)


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    """A server for each region."""
    made, runners = World(), []
    for region in REGIONS:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", partial(made.answer, region))
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        made.urls[region] = f"http://127.0.0.1:{runner.addresses[0][1]}"
        runners.append(runner)
    try:
        yield made
    finally:
        for runner in runners:
            await runner.cleanup()


def configuration(
    edge: str, urls: dict[str, str], nats: str, probe: str = QUICK, fleet: str = ""
) -> str:
    """One edge's; it is alone where `nats` is empty."""
    regions = "".join(
        f"[region.{name}]\ncoordinates = {list(place)}\n[[region.{name}.endpoint]]\n"
        f'address = ["{ADDRESSES[name]}"]\nurl = "{urls[name]}"\n'
        for name, place in REGIONS.items()
    )
    joins = f'[fleet]\nurls = ["{nats}"]\nedge = "{edge}"\nstart_wait = 0\n{fleet}' if nats else ""
    return (
        f'[server]\nlisten = ["127.0.0.1:0"]\nzones = ["*.zone"]\nworkers = 1\n'
        f"coordinates = {list(PLACES.get(edge, (0.0, 0.0)))}\n"
        f'[admin]\nsocket = ""\nlisten = ""\n{joins}\n'
        f'[probe]\n{probe}\nheaders = {{ "X-Edge" = "{edge}" }}\n{regions}'
        '[service.chat]\nregions = ["eu", "us", "ap"]\npolicy = "failover"\nttl = "60s"\n'
    )


@dataclass
class Edges:
    """Daemons by their edges' names, and when what each serves of a region changed."""

    daemons: dict[str, Daemon] = field(default_factory=dict)
    moves: list[tuple[float, str, str, bool]] = field(default_factory=list)

    def verdict(self, edge: str, region: str) -> Verdict:
        """What an edge answers by."""
        return self.daemons[edge].snapshot.steering.regions[region].verdict

    def serves(self, region: str, *edges: str) -> list[bool]:
        """Whether it serves, for each of these, or all."""
        return [self.verdict(edge, region).serves for edge in edges or self.daemons]

    def observations(self, edge: str) -> Observations:
        """What an edge hears of the others."""
        joined = self.daemons[edge].fleet
        assert joined is not None
        return joined.observations

    def all_heard(self) -> bool:
        """Whether each hears all others of its fleet."""
        fleets = [d.fleet for d in self.daemons.values() if d.fleet is not None]
        return all(len(fleet.observations.live()) == len(fleets) - 1 for fleet in fleets)

    def moved(self, region: str, serves: bool, since: float) -> dict[str, float]:
        """When each first answered so, after `since`; seconds of the monotonic clock."""
        found: dict[str, float] = {}
        for at, edge, where, how in self.moves:
            if at >= since and (where, how) == (region, serves):
                found.setdefault(edge, at)
        return found

    async def record(self) -> None:
        """Look every 5 ms."""
        known: dict[tuple[str, str], bool] = {}
        while True:
            for edge in self.daemons:
                for region in REGIONS:
                    serves = self.verdict(edge, region).serves
                    if known.get((edge, region), serves) != serves:
                        self.moves.append((time.monotonic(), edge, region, serves))
                    known[edge, region] = serves
            await asyncio.sleep(0.005)


@asynccontextmanager
async def edges(
    folder: Path,
    seen: World,
    nats: str,
    names: Sequence[str] = EDGES,
    *,
    alone: Sequence[str] = (),
    probe: str = QUICK,
    fleet: str = "",
) -> AsyncIterator[Edges]:
    """Daemons that are ready, and hear one another; those `alone` are of no fleet."""
    async with AsyncExitStack() as stack:
        made = Edges()
        for name in (*names, *alone):
            path = folder / name / "resolverd.toml"
            path.parent.mkdir()
            url = "" if name in alone else nats
            path.write_text(configuration(name, seen.urls, url, probe, fleet))
            (path.parent / "e.zone").write_text(
                f"$ORIGIN inference.example.\n{HEAD}chat 60 DYNA chat\n"
            )
            daemon = Daemon(path)
            await daemon.start()
            stack.push_async_callback(daemon.stop)
            made.daemons[name] = daemon
        await until(made.all_heard)
        recording = asyncio.create_task(made.record())
        try:
            yield made
        finally:
            recording.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await recording
