"""A real Prometheus scrapes the daemon, and every query of docs/operations.md returns data."""

from __future__ import annotations

import asyncio
import contextlib
import re
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
import dns.asyncquery
import dns.message
from harness.daemon import endpoints, running, write_files
from harness.programs import free_port, program
from harness.server import HEAD

from resolverd.daemon import Daemon

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"
QUERIES = re.findall(r"```promql\n(.*?)```", OPERATIONS.read_text(), re.DOTALL)
PATIENCE = 60.0

CONFIG = """\
global:
  scrape_interval: 1s
scrape_configs:
  - job_name: resolverd
    static_configs:
      - targets: ["{target}"]
"""


async def _all_return_data(url: str, daemon: Daemon) -> None:
    """Keep the daemon busy until no query is left without data."""
    left = list(QUERIES)
    listener = daemon.bound[0]
    question = dns.message.make_query("chat.inference.example", "A")
    async with aiohttp.ClientSession() as session, asyncio.timeout(PATIENCE):
        while left:
            await dns.asyncquery.udp(question, listener.address, port=listener.port, timeout=5)
            with contextlib.suppress(aiohttp.ClientConnectionError):  # it is still starting
                left = [query for query in left if not await _ask(session, url, query)]
            await asyncio.sleep(0.1)


async def _ask(session: aiohttp.ClientSession, url: str, query: str) -> list[Any]:
    async with session.get(f"{url}/api/v1/query", params={"query": query}) as response:
        if response.status == HTTPStatus.SERVICE_UNAVAILABLE:
            return []  # it listens before it is ready
        answer = await response.json()
        assert answer["status"] == "success", answer
        result: list[Any] = answer["data"]["result"]
        return [row for row in result if row["value"][1] != "NaN"]


async def test_every_documented_query_returns_data(tmp_path: Path) -> None:
    assert len(QUERIES) > 5
    async with endpoints() as served:
        zone = f"$ORIGIN inference.example.\n{HEAD}chat 60 DYNA chat\n"
        admin = 'socket = ""\nlisten = "127.0.0.1:0"'
        path = write_files(tmp_path, {"inference.example.": zone}, served, admin=admin)
        async with running(path) as daemon:
            target = daemon.admin.listener
            assert target is not None
            (tmp_path / "prometheus.yml").write_text(CONFIG.format(target=target))
            port = free_port()
            process = await asyncio.create_subprocess_exec(
                program("prometheus"),
                f"--config.file={tmp_path / 'prometheus.yml'}",
                f"--storage.tsdb.path={tmp_path / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{port}",
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
            try:
                await _all_return_data(f"http://127.0.0.1:{port}", daemon)
            finally:
                process.terminate()
                await process.wait()
