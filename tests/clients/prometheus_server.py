"""A real Prometheus that scrapes daemons, and what it answers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
from harness.programs import free_port, program

CONFIG = """\
global:
  scrape_interval: {interval}
  evaluation_interval: {interval}
rule_files: {rules}
scrape_configs:
  - job_name: {job}
    static_configs:
      - targets: {targets}
"""


class Prometheus:
    """One that runs, asked over its HTTP API."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self._url = session, url

    async def query(self, query: str) -> list[Any]:
        """What a query returns now, but for NaN. Fails where Prometheus does not understand it."""
        answer = await self._get("query", query=query)
        return [row for row in answer.get("result", []) if row["value"][1] != "NaN"]

    async def firing(self) -> list[Any]:
        """The alerts that fire, each with its labels and annotations."""
        answer = await self._get("alerts")
        return [alert for alert in answer.get("alerts", []) if alert["state"] == "firing"]

    async def _get(self, path: str, **params: str) -> dict[str, Any]:
        """The data; empty while it is still starting: it listens before it is ready."""
        with contextlib.suppress(aiohttp.ClientConnectionError):
            async with self._session.get(f"{self._url}/api/v1/{path}", params=params) as response:
                if response.status != HTTPStatus.SERVICE_UNAVAILABLE:
                    answer = await response.json()
                    assert answer["status"] == "success", answer
                    data: dict[str, Any] = answer["data"]
                    return data
        return {}


@asynccontextmanager
async def prometheus(
    folder: Path,
    *targets: object,
    interval: str = "1s",
    rules: Sequence[Path] = (),
    job: str = "resolverd",
) -> AsyncIterator[Prometheus]:
    """Scrape the `targets` as `job` every `interval`, and evaluate the files of `rules`; ended
    afterwards.
    """
    config = folder / "prometheus.yml"
    lists = {"targets": [*map(str, targets)], "rules": [*map(str, rules)]}
    config.write_text(CONFIG.format(interval=interval, job=job, **lists))
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        program("prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with aiohttp.ClientSession() as session:
            yield Prometheus(session, f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        await process.wait()
