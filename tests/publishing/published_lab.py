"""Three edges as processes, their regions and a real NATS cluster, for tests of published sets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import nats
from harness.nats import TIMEOUT, NatsCluster
from harness.process import Regions
from harness.waiting import until_holds
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from published_edges import QUICK, Central, PublishedEdge

from resolverd.config.fleet import Fleet
from resolverd.publishing.model import Ledger, Outcome
from resolverd.publishing.publisher import publisher

NAMES = ("ams", "cdg", "fra")


class Nats:
    """A cluster of three real servers, for tests that wait by themselves."""

    def __init__(self, folder: Path) -> None:
        self._loop, self._cluster, self._runs = asyncio.Runner(), NatsCluster(folder), False
        self.urls = self._cluster.urls

    def start(self) -> None:
        """Start it, unless it runs; returns once every stream takes what is written to it."""
        if not self._runs:
            self._loop.run(self._cluster.start())
            self._loop.run(self._led())
        self._runs = True

    def stop(self) -> None:
        """Kill all three."""
        self._loop.run(self._cluster.stop())
        self._runs = False

    def close(self) -> None:
        """End it for good."""
        self.stop()
        self._loop.close()

    def ledger(self) -> Ledger:
        """The ledger that it has: `publish --list` also waits until each edge has been heard."""
        return self._loop.run(self._ledger())

    async def _led(self) -> None:
        """Wait until each stream has a leader: after an election, seconds on a busy host."""
        client = await nats.connect(self.urls)
        try:
            await until_holds(partial(_has_leaders, client.jetstream()), within=TIMEOUT)
        finally:
            await client.close()

    async def _ledger(self) -> Ledger:
        async with publisher(Fleet(urls=tuple(self.urls), edge="test"), Path()) as fleet:
            return fleet.ledger


class Lab(NamedTuple):
    """Three edges, ams the canary, that serve generation 1 or a later one; their NATS."""

    nats: Nats
    central: Central
    edges: Mapping[str, PublishedEdge]
    regions: Regions

    def everywhere(self, number: int) -> None:
        """Wait until every edge serves it for good."""
        for edge in self.edges.values():
            edge.serves(number)

    def completed(self) -> int:
        """The number that every edge is to serve, by those that run."""
        found = [0]
        for edge in self.edges.values():
            with contextlib.suppress(AssertionError, OSError):
                found.append(edge.published()["completed"])
        return max(found)

    def latest(self) -> int:
        """The number that was published last."""
        return self.nats.ledger().generations[-1].number

    def outcome(self, number: int) -> tuple[Outcome, str]:
        """What has become of one, and why."""
        generation = self.nats.ledger().get(number)
        assert generation is not None
        return generation.outcome, generation.why

    def restore(self) -> None:
        """Have everything run, with the files as they were first."""
        self.nats.start()
        self.central.write()
        for edge in self.edges.values():
            with contextlib.suppress(AssertionError):
                edge.published()
                continue
            edge.write()
            edge.start()
        self.everywhere(self.completed())


async def _has_leaders(jetstream: JetStreamContext) -> bool:
    with contextlib.suppress(NatsError):
        streams = await jetstream.streams_info()
        return all(stream.cluster and stream.cluster.leader for stream in streams)
    return False


@contextmanager
def published_lab(folder: Path) -> Iterator[Lab]:
    """The fleet after its first generation: published before any edge was there."""
    regions = Regions()
    with contextlib.closing(Nats(folder)) as nats:
        nats.start()
        central = Central(folder / "central", nats.urls, regions)
        edges = {name: PublishedEdge(folder / name, name, nats.urls) for name in NAMES}
        try:
            ran = central.publish(*QUICK, "--no-wait")
            assert ran.status == 0, ran
            for edge in edges.values():
                edge.start(ready=False)
            for edge in edges.values():
                edge.until_ready()
            for edge in edges.values():
                edge.until(lambda now: now["completed"] == 1, "the first generation is completed")
                edge.serves(1)
            yield Lab(nats, central, edges, regions)
        finally:
            for edge in edges.values():
                edge.close()
