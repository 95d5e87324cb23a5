"""An HTTP server that says what a real API server of Kubernetes did (tests/kube_api/record.py).

Lists and watches of HTTPRoutes go through what was recorded, in order: a list of two pages, a watch
to its end, a watch whose version has expired, a later list. Every other watch stays open.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

RECORDED: dict[str, Any] = json.loads((Path(__file__).parent / "recorded.json").read_text())


class RecordedServer:
    """One server; `asked` is the path and the query of each request so far.

    `absent` are the groups that it has not, and `token` the only one that it takes, if any. What
    `instead` names, by path, is said in place of anything else: an exchange, or a bare status.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.absent = {"inference.networking.k8s.io", "inference.networking.x-k8s.io"}
        self.token = ""
        self.instead: dict[str, str | int] = {}
        self.url = ""
        self._watches = iter(("watch", "expired"))
        self._expired = False

    def kubeconfig(self, folder: Path, user: Any = None) -> Path:
        """A kubeconfig for it."""
        path = folder / "kubeconfig"
        named = {
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "clusters": [{"name": "test", "cluster": {"server": self.url}}],
            "users": [{"name": "test", "user": user or {"token": "any"}}],
        }
        path.write_text(json.dumps({"current-context": "test", **named}))
        return path

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Say what was recorded."""
        path, query = request.path, dict(request.query)
        self.asked.append((path, query))
        if path in self.instead:
            return _said(self.instead[path])
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return _said("unauthorized")
        group = path.removeprefix("/apis/")
        if group in self.absent:
            return _said("absent")
        if path.startswith("/apis/") and "/" not in group:
            return _said("group")
        name = path.rpartition("/")[2]
        if "watch" in query:
            return await self._watch(request, name)
        if name == "httproutes":
            return _said("later 0" if self._expired else f"{name} {int('continue' in query)}")
        return _said("ready" if name == "readyz" else f"{name} 0")

    async def _watch(self, request: web.Request, name: str) -> web.StreamResponse:
        recorded = next(self._watches, "") if name == "httproutes" else ""
        self._expired |= recorded == "expired"
        if recorded:
            return _said(recorded)
        response = web.StreamResponse()
        await response.prepare(request)
        await asyncio.Event().wait()
        return response


@asynccontextmanager
async def recorded_server() -> AsyncIterator[RecordedServer]:
    """A server on loopback, ended at the end with what it still says."""
    server = RecordedServer()
    application = web.Application()
    application.router.add_get("/{path:.*}", server.answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


def _said(name: str | int) -> web.Response:
    if isinstance(name, int):
        return web.Response(status=name)
    exchange = RECORDED[name]
    return web.Response(status=exchange["status"], text=exchange["body"])
