"""What canaries of many edges cost, counted at the servers; and who finds out when one dies."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from harness.waiting import until_holds

from bench.fleet.counted_server import MODEL, Served, served
from resolverd.config.fleet import Fleet
from resolverd.config.load import load_config
from resolverd.config.model import Config
from resolverd.config.targets import probe_targets
from resolverd.demo.faults import Fault
from resolverd.fleet.observations import Observations
from resolverd.health.monitor import Monitor, Target
from resolverd.health.verdict import Verdict

TARGET = "eu-1"
# Seconds between probes, and for which canaries are counted once all has settled.
INTERVAL, COUNTED = 2.0, 40.0


@dataclass
class Bus:
    """What edges hear of one another, 5 ms later; nobody hears those that are `away`."""

    heard: dict[str, Callable[[str, bytes], None]] = field(default_factory=dict)
    away: set[str] = field(default_factory=set)

    def wire(self, edge: str) -> Wire:
        return Wire(self, edge)


@dataclass
class Wire:
    """One edge's."""

    bus: Bus
    edge: str

    def publish(self, subject: str, payload: bytes) -> None:
        loop = asyncio.get_running_loop()
        for edge, heard in self.bus.heard.items():
            if edge != self.edge and not {edge, self.edge} & self.bus.away:
                loop.call_later(0.005, heard, subject, payload)

    def subscribe(self, _: str, heard: Callable[[str, bytes], None]) -> None:
        self.bus.heard[self.edge] = heard


def configuration(folder: Path, url: str, kind: str) -> Config:
    path = folder / f"{kind}-{url.rpartition(':')[2]}.toml"
    path.write_text(
        f'[server]\ncoordinates = [50.1, 8.7]\n[probe]\nkind = "{kind}"\n'
        f"interval = {INTERVAL}\nfast_interval = 0.5\ntimeout = 2.0\n"
        '[region.eu]\ncoordinates = [53.3, -6.3]\n[[region.eu.endpoint]]\naddress = ["192.0.2.1"]\n'
        f'url = "{url}"\n[service.chat]\nmodel = "{MODEL}"\nregions = ["eu"]\n'
    )
    return load_config(path).config


@dataclass
class Edge:
    """One edge that probes; `fell` is when it first held the server for down."""

    monitor: Monitor
    observations: Observations
    fell: float | None = None


@asynccontextmanager
async def fleet(folder: Path, server: Served, kind: str, count: int) -> AsyncIterator[list[Edge]]:
    """So many edges that hear one another, or one alone, whose first round is over."""
    config = configuration(folder, server.url, kind)
    targets, bus, made = probe_targets(config), Bus(), []
    async with AsyncExitStack() as stack:
        for number in range(count):
            edge = await _edge(f"edge{number}", config, bus)
            made.append(edge)
            stack.push_async_callback(edge.observations.stop)
            stack.push_async_callback(edge.monitor.stop)
        await asyncio.gather(*(edge.monitor.first_round() for edge in made))
        await until_holds(
            lambda: all(len(e.observations.live()) == count - 1 for e in made), within=20
        )
        assert targets.by_id.keys() == {TARGET}
        yield made


async def _edge(name: str, config: Config, bus: Bus) -> Edge:
    settings = Fleet.model_validate({"urls": ("nats://127.0.0.1:1",), "edge": name})
    observations = Observations(settings, (0.0, 0.0), bus.wire(name))
    targets = probe_targets(config)
    (probed,) = targets.by_id.values()
    target = Target(TARGET, "eu", "eu-1", probed.endpoint.url, probed.settings)

    def changed(_: str, before: Verdict, after: Verdict) -> None:
        observations.news()
        if before.serves and not after.serves and edge.fell is None:
            edge.fell = time.monotonic()

    monitor = Monitor([target], on_change=changed, turns=observations.turns,
                      late=observations.late)  # fmt: skip
    edge = Edge(monitor, observations)
    observations.join(monitor, lambda: None, dict)
    observations.observe(config, targets)
    await monitor.start()
    await observations.start()
    return edge


async def test_an_idle_server_costs_many_edges_hardly_more_than_one(tmp_path: Path) -> None:
    """Kinds vllm and openai, with 1, 5 and 20 edges at once, each at a server of its own."""
    counts = {}
    async with AsyncExitStack() as stack:
        servers = {}
        for kind in ("vllm", "openai"):
            for count in (1, 5, 20):
                server = await stack.enter_async_context(served())
                await stack.enter_async_context(fleet(tmp_path, server, kind, count))
                servers[kind, count] = server
        await asyncio.sleep(2 * INTERVAL)
        since = time.monotonic()
        await asyncio.sleep(COUNTED)
        until = time.monotonic()
        counts = {which: server.canaries(since, until) for which, server in servers.items()}
    print(counts)
    for kind in ("vllm", "openai"):
        alone = counts[kind, 1]
        assert alone >= 0.8 * COUNTED / INTERVAL, counts
        assert counts[kind, 5] <= 1.2 * alone, counts
        assert counts[kind, 20] <= 1.2 * alone, counts


@pytest.mark.parametrize("kind", ["vllm", "openai"])
async def test_all_find_out_soon_when_it_hangs_and_one_that_is_alone_by_itself(
    tmp_path: Path, kind: str
) -> None:
    async with served() as server, fleet(tmp_path, server, kind, 5) as edges:
        await asyncio.sleep(3 * INTERVAL)
        spared = Counter(edge.observations.turns.of(TARGET).spared > 0 for edge in edges)
        assert spared[True] >= 4 or kind == "vllm"
        hung, late = time.monotonic(), [0.0]
        lateness = asyncio.create_task(_add_lateness(late))
        server.server.set_fault(Fault.HUNG)
        await until_holds(lambda: all(edge.fell for edge in edges), within=30)
        lateness.cancel()
        fell = [edge.fell - hung for edge in edges if edge.fell]
    # A canary is due within an interval, takes 2 s to fail, and two more begin each 0.5 s. Timeouts
    # are given back what this process was late by, at other moments for each edge.
    assert max(fell) <= 1.25 * INTERVAL + 2.0 + 2 * 0.5 + 1.5 + late[0], (fell, late)
    assert max(fell) - min(fell) <= 2.0 + late[0], (fell, late)


async def _add_lateness(late: list[float]) -> None:
    """Add to it the seconds by which this loop's turns come late."""
    while True:
        due = time.monotonic() + 0.02
        await asyncio.sleep(0.02)
        late[0] += time.monotonic() - due
