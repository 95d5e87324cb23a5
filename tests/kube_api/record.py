"""Writes tests/kube/recorded.json: what a real API server says, for the tests that run everywhere.

    PYTHONPATH=.:tests:tests/kube:tests/kube_api python tests/kube_api/record.py

Each exchange is a request's path with its query, a status and a body; of a watch the body is its
lines. Names are what tests/kube/test_kube_recorded.py asks for.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import tempfile
from pathlib import Path
from typing import Any

import aiohttp
from cluster_objects import balancer, gateway, route
from definitions import DEFINITIONS
from harness.waiting import until_holds
from real_api_server import ADMIN, STRANGER, ApiServer, api_server

from resolverd.kube.objects import GATEWAYS, KINDS, ROUTES, SERVICES

_INTO = Path(__file__).parents[1] / "kube" / "recorded.json"


class _Recorder:
    def __init__(self, server: ApiServer) -> None:
        self.server = server
        self.exchanges: dict[str, Any] = {}

    async def ask(self, name: str, path: str, token: str = ADMIN) -> Any:
        """Record one exchange; the document that was said."""
        trust = ssl.create_default_context(
            cafile=str(self.server.folder / "certificates" / "apiserver.crt")
        )
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust)) as http,
            http.get(self.server.url + path, headers=headers) as said,
        ):
            body = await said.text()
            self.exchanges[name] = {"path": path, "status": said.status, "body": body}
        return json.loads(body) if body.startswith("{") and "watch=" not in path else body

    async def pages(self, name: str, path: str, limit: int) -> str:
        """Record a list page by page; the version that it is of."""
        proceed, number = "", 0
        while not number or proceed:
            more = f"&continue={proceed}" if proceed else ""
            page = await self.ask(f"{name} {number}", f"{path}?limit={limit}{more}")
            proceed, number = page["metadata"].get("continue", ""), number + 1
        return str(page["metadata"]["resourceVersion"])


async def _record() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        async with api_server(Path(folder)) as (server, etcd):
            recorder = _Recorder(server)
            for name in ("infra", "prod"):
                await server.create(
                    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
                )
            await recorder.ask("absent", f"/apis/{GATEWAYS.group}")
            await recorder.ask("ready", "/readyz")
            await server.create(*DEFINITIONS)
            for kind in KINDS:
                path = kind.path(kind.versions[0])

                async def served(path: str = path) -> bool:
                    return (await server.ask("GET", path))[0] == 200

                await until_holds(served, within=60.0)
            await recorder.ask("group", f"/apis/{GATEWAYS.group}")
            await recorder.ask("forbidden", SERVICES.path("v1"), STRANGER)
            await recorder.ask("unauthorized", SERVICES.path("v1"), "nobody")
            await server.create(gateway("203.0.113.10"))
            chat = route("chat.inference.example")
            others = [route("www.example", name=f"www-{index}") for index in range(2)]
            await server.create(chat, *others, balancer("192.0.2.77", service="chat"))
            for kind, limit in ((GATEWAYS, 500), (ROUTES, 2), (SERVICES, 500)):
                await recorder.pages(kind.plural, kind.path("v1"), limit)
            version = (await server.ask("GET", ROUTES.path("v1")))[1]["metadata"]["resourceVersion"]
            watch = f"{ROUTES.path('v1')}?watch=true&allowWatchBookmarks=true"
            watching = asyncio.create_task(
                recorder.ask("watch", f"{watch}&resourceVersion={version}&timeoutSeconds=75")
            )
            await asyncio.sleep(1)
            await server.change(others[0], {"spec": {"hostnames": ["web.example"]}})
            await server.delete(others[1])
            await server.create(route("new.example", name="new"))
            await watching  # a bookmark comes once a minute
            await server.delete(chat)
            await etcd.compact()
            await server.stop(9)
            await server.start()
            await until_holds(served, within=60.0)
            await recorder.ask("expired", f"{watch}&resourceVersion={version}&timeoutSeconds=5")
            await recorder.pages("later", ROUTES.path("v1"), 500)
            return recorder.exchanges


def main() -> None:
    """Record, and write the file."""
    _INTO.write_text(json.dumps(asyncio.run(_record()), indent=1) + "\n")


if __name__ == "__main__":
    main()
