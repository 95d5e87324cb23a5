"""A server of a page of round-trip times, as it is or as it may be."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from resolverd.rtt.page import HEADER

TABLE = f"{HEADER}\n8.8.8.0/24,eu-west,20,5,600\n"


@dataclass
class Server:
    """Serves `body`, or what `answer` makes; `asked` are the headers of the requests so far."""

    url: str = ""
    body: bytes = TABLE.encode()
    headers: dict[str, str] = field(default_factory=dict)
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None
    asked: list[dict[str, str]] = field(default_factory=list)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(dict(request.headers))
        if self.answer is not None:
            return await self.answer(request)
        tag = self.headers.get("ETag")
        if tag and request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers=self.headers)
        return web.Response(body=self.body, headers=self.headers)


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    """A server at work."""
    made = Server()
    app = web.Application()
    app.router.add_get("/", made.serve)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    yield made
    await runner.cleanup()


async def error(_: web.Request) -> web.StreamResponse:
    return web.Response(status=503)
