"""The daemon and the simulated regions, running: what the story is played on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from resolverd.config.load import Override
from resolverd.config.types import Listener
from resolverd.daemon import Daemon
from resolverd.demo.ask import Answer, ask
from resolverd.demo.cities import CITIES
from resolverd.demo.fleet import Fleet
from resolverd.demo.setting import Setting
from resolverd.engine.explain import explain

NAME = "chat.inference.example"


@dataclass(frozen=True)
class Stage:
    """Where everything runs. Cities are known by their names."""

    setting: Setting
    fleet: Fleet
    daemon: Daemon

    @property
    def server(self) -> Listener:
        """Where questions go."""
        return self.daemon.bound[0]

    async def ask_all(self) -> dict[str, Answer]:
        """What each city is answered now. Raises NoAnswerError."""
        region_of = self.setting.region_of
        answers = await asyncio.gather(
            *(ask(NAME, city.client, self.server, region_of) for city in CITIES)
        )
        return dict(zip((city.name for city in CITIES), answers, strict=True))

    def pins(self) -> dict[str, tuple[str, ...]]:
        """The residency rules that hold for each city. Raises NotSteeredError."""
        return {city.name: explain(NAME, city.client, self.daemon.snapshot).pins for city in CITIES}


@asynccontextmanager
async def staged(setting: Setting, overrides: Sequence[Override]) -> AsyncIterator[Stage]:
    """Start the regions, then the daemon; stop both however it ends. Raises ResolverdError."""
    async with Fleet(setting.posts) as fleet:
        daemon = Daemon(setting.path, [*overrides, *setting.overrides(fleet.processes)])
        await daemon.start()
        try:
            yield Stage(setting, fleet, daemon)
        finally:
            await daemon.stop()
