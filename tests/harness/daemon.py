"""Running daemons: one in the test's own loop, and one as a process for other programs to ask.

Both read a configuration and zones written into the test's folder, listen on a port of
127.0.0.1 that the kernel chose, and probe an HTTP server on loopback that plays every region.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from harness.config import CHAT, REGIONS, config_text
from resolverd.daemon import Daemon

TIMEOUT = 60.0
"""Seconds after which a daemon that does not come up, or go down, has failed the test."""

PROBES = 'interval = "500ms"\nfast_interval = "100ms"\ntimeout = "2s"\n'


@dataclass
class Endpoints:
    """An HTTP server that plays every region, and answers with its `status`, 200 unless set.

    Which region is meant, a header of the probe tells.
    """

    port: int
    status: dict[str, int] = field(default_factory=dict)

    def urls(self) -> dict[str, str]:
        """Probe URLs by region."""
        return dict.fromkeys(REGIONS, f"http://127.0.0.1:{self.port}")


@asynccontextmanager
async def endpoints() -> AsyncIterator[Endpoints]:
    """Serve the endpoints until the end."""
    playing = Endpoints(0)

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=playing.status.get(request.headers["X-Region"], 200))

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        playing.port = runner.addresses[0][1]
        yield playing
    finally:
        await runner.cleanup()


@dataclass
class Asked:
    """Where a daemon may be asked."""

    address: str
    port: int


def write_files(
    folder: Path,
    zones: Mapping[str, str],
    served: Endpoints,
    *,
    services: str = CHAT,
    server: str = "",
    admin: str = "",
) -> Path:
    """Write ``resolverd.toml`` and a file for each zone; returns the configuration's path."""
    for number, (origin, text) in enumerate(zones.items()):
        (folder / f"{number}.zone").write_text(f"$ORIGIN {origin}\n{text}")
    path = folder / "resolverd.toml"
    headers = "".join(
        f'[region.{region}.probe]\nheaders = {{ "X-Region" = "{region}" }}\n' for region in REGIONS
    )
    path.write_text(
        config_text(
            headers + services,
            server=f'listen = ["127.0.0.1:0"]\nzones = ["*.zone"]\nsettle = "100ms"\n{server}',
            admin=admin,
            probe=PROBES,
            urls=served.urls(),
        )
    )
    return path


@asynccontextmanager
async def running(path: Path) -> AsyncIterator[Daemon]:
    """The daemon in this loop, ready; stopped at the end."""
    daemon = Daemon(path)
    async with asyncio.timeout(TIMEOUT):
        await daemon.start()
    try:
        yield daemon
    finally:
        await daemon.stop()


class Process:
    """``resolverd serve`` as a process; `events` are the lines of its log so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.events: list[dict[str, Any]] = []
        self._process = process
        self._news = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())
        self._ended = False

    @property
    def asked(self) -> Asked:
        """Where it listens, as its ready event says."""
        return self.listeners[0]

    @property
    def listeners(self) -> list[Asked]:
        """Everywhere that it listens."""
        (ready,) = (event for event in self.events if event["event"] == "ready")
        pairs = (listener.rpartition(":") for listener in ready["listen"])
        return [Asked(address.strip("[]"), int(port)) for address, _, port in pairs]

    async def until(self, name: str, count: int = 1) -> dict[str, Any]:
        """The first event of that name, or the `count`th, waited for."""
        async with asyncio.timeout(TIMEOUT), self._news:
            while True:
                met = [event for event in self.events if event["event"] == name]
                if len(met) >= count:
                    return met[count - 1]
                assert not self._ended, f"it ended before {name}: {self.events}"
                await self._news.wait()

    async def stop(self) -> int:
        """Ask it to stop; its exit status. Kills one that does not."""
        with contextlib.suppress(ProcessLookupError):  # it may be gone already
            self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(TIMEOUT):
                status = await self._process.wait()
        except TimeoutError:
            self._process.kill()
            status = await self._process.wait()
        await self._reader
        return status

    async def _read(self) -> None:
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            async with self._news:
                self.events.append(json.loads(line))
                self._news.notify_all()
        async with self._news:
            self._ended = True
            self._news.notify_all()


@asynccontextmanager
async def serving(
    path: Path, *arguments: str, descriptors: int = 0, through: Sequence[str] = ()
) -> AsyncIterator[Process]:
    """``python -m resolverd serve`` with these `arguments` too, run by `through`, ready.

    It may open so many `descriptors`, or for 0 as many as this process.
    """
    limited = ["prlimit", f"--nofile={descriptors}:{descriptors}"] if descriptors else []
    process = Process(
        await asyncio.create_subprocess_exec(
            *limited,
            *through,
            sys.executable,
            *("-m", "resolverd", "serve", "--config", str(path), "--log", "json", *arguments),
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    )
    try:
        await process.until("ready")
        yield process
    finally:
        assert await process.stop() == 0
