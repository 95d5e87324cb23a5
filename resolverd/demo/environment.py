"""The daemon and the simulated regions, running: what a scenario runs in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from resolverd.abi.library import why_not
from resolverd.config.load import SetOption
from resolverd.config.types import Listener
from resolverd.daemon import Daemon
from resolverd.demo.ask import Answer, ask
from resolverd.demo.cities import CITIES
from resolverd.demo.config_overlay import ConfigOverlay
from resolverd.demo.region_processes import RegionProcesses
from resolverd.engine.explain import explain

NAME = "chat.inference.example"
# Seconds between two queries for all cities while the start is waited for.
_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Environment:
    """The running daemon and its simulated regions. Cities are known by their names."""

    overlay: ConfigOverlay
    regions: RegionProcesses
    daemon: Daemon

    @property
    def server(self) -> Listener:
        """The daemon's first DNS listener."""
        return self.daemon.bound[0]

    @property
    def why_not_native(self) -> str:
        """Why the native engine does not answer, though it would be taken if it could be."""
        wanted = self.overlay.loaded.config.server.engine
        return (why_not() or "") if wanted == "auto" else ""

    async def ask_all(self) -> dict[str, Answer]:
        """What each city, by name, is answered now. Raises NoAnswerError."""
        region_of = self.overlay.region_of
        answers = await asyncio.gather(
            *(ask(NAME, city.client, self.server, region_of) for city in CITIES)
        )
        return dict(zip((city.name for city in CITIES), answers, strict=True))

    async def wait_until_steady(self) -> None:
        """Wait until all regions are up and no TTL is lowered; not for ever, for some may be down.

        On a busy machine a region's first probe may come too late for it.
        """
        service = self.overlay.loaded.config.service[self.service]
        rise = max(self.overlay.seconds_to_rise(region) for region in service.regions)
        limit = time.monotonic() + rise + service.ttl
        while (  # noqa: ASYNC110 (what is waited for are answers to queries)
            time.monotonic() < limit and not await self._is_steady(int(service.ttl))
        ):
            await asyncio.sleep(_POLL_SECONDS)

    async def _is_steady(self, ttl: int) -> bool:
        up = all(verdict.serves for verdict in self.daemon.verdicts.values())
        return up and all(answer.ttl == ttl for answer in (await self.ask_all()).values())

    @property
    def service(self) -> str:
        """The service that `NAME` stands for. Raises NotSteeredError."""
        return explain(NAME, CITIES[0].client, self.daemon.snapshot).service

    def fences(self) -> dict[str, tuple[str, ...]]:
        """Each city's regions, best first. Raises NotSteeredError."""
        snapshot = self.daemon.snapshot
        explanations = {city.name: explain(NAME, city.client, snapshot) for city in CITIES}
        return {
            name: tuple(
                candidate.region
                for candidate in sorted(explained.candidates, key=lambda c: c.preferred or 0)
                if candidate.preferred
            )
            for name, explained in explanations.items()
        }

    def pins(self) -> dict[str, tuple[str, ...]]:
        """The residency rules that hold for each city. Raises NotSteeredError."""
        return {city.name: explain(NAME, city.client, self.daemon.snapshot).pins for city in CITIES}


@asynccontextmanager
async def running_environment(
    overlay: ConfigOverlay, overrides: Sequence[SetOption]
) -> AsyncIterator[Environment]:
    """Start the regions, then the daemon; stop both however it ends. Raises ResolverdError."""
    async with RegionProcesses(overlay.specs) as regions:
        daemon = Daemon(overlay.path, [*overrides, *overlay.overrides(regions.processes)])
        await daemon.start()
        try:
            yield Environment(overlay, regions, daemon)
        finally:
            await daemon.stop()
