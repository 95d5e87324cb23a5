"""A simulated vLLM server that counts which completions were asked of it, and when."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.typedefs import Handler

from resolverd.demo.vllm import SimulatedServer

MODEL = "tiny/random-llama"


@dataclass
class Served:
    """The server, where it is, and when completions were asked of it (monotonic seconds)."""

    server: SimulatedServer
    url: str
    completions: list[float] = field(default_factory=list)

    def canaries(self, since: float, until: float) -> int:
        """How many, of an idle one."""
        return sum(since <= at < until for at in self.completions)


@asynccontextmanager
async def served(region: str = "eu") -> AsyncIterator[Served]:
    """One, idle."""
    made = Served(SimulatedServer(region, MODEL), "")

    @web.middleware
    async def counted(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method == "POST":
            made.completions.append(time.monotonic())
        return await handler(request)

    app = made.server.application()
    app.middlewares.insert(0, counted)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield made
    finally:
        await runner.cleanup()
