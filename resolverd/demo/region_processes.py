"""The simulated regions as processes that can really be killed, and that never outlive us.

Each child holds the read end of a pipe as its standard input and ends at its EOF, so even a
SIGKILL of this process takes them along. They stand in sessions of their own: a Ctrl-C is
for the demo, which then stops them in order.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from typing import NamedTuple

import aiohttp

from resolverd.demo.faults import Fault
from resolverd.errors import ResolverdError

# Seconds for a process to listen: less fails on a busy machine; more waits longer for a dead one.
READY_SECONDS = 30.0
# Seconds from SIGTERM to SIGKILL.
STOP_SECONDS = 3.0


class RegionProcessError(ResolverdError):
    """A simulated region did not come up."""


class EndpointSpec(NamedTuple):
    """One endpoint to stand in for: its region, its position there, and the port it would like.

    `options` are further ones of the program `resolverd.demo.region`.
    """

    region: str
    position: int
    port: int
    model: str
    options: tuple[str, ...] = ()


class RegionProcess:
    """One simulated endpoint; `port` and `pid` are those of the process that runs now."""

    def __init__(self, spec: EndpointSpec) -> None:
        self.spec, self.port = spec, spec.port
        self._control_port = 0
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """The number of the process that ran last; 0 before the first."""
        return self._process.pid if self._process else 0

    @property
    def url(self) -> str:
        """The URL that is probed."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start it, on the port it had before if any, and wait until it listens."""
        self._process = process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "resolverd.demo.region", "--with-parent"),
            *("--name", self.spec.region, "--port", str(self.port), "--model", self.spec.model),
            *self.spec.options,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(READY_SECONDS):
                announced = await process.stdout.readline()
        except TimeoutError as late:
            await self.stop()
            raise RegionProcessError(
                f"region {self.spec.region} was not ready after {READY_SECONDS:.0f} s"
            ) from late
        if not announced:
            code = await process.wait()
            raise RegionProcessError(
                f"region {self.spec.region} ended with status {code} before it listened"
            )
        announcement = json.loads(announced)
        self.port, self._control_port = int(announcement["port"]), int(announcement["control"])

    @property
    def control(self) -> str:
        """The URL by which faults are injected; see `region_server`."""
        return f"http://127.0.0.1:{self._control_port}"

    async def set_fault(self, fault: Fault | None) -> None:
        """Let `fault` be what is wrong with it from now on, or nothing.

        Raises RegionProcessError.
        """
        method, path = ("DELETE", "/fault") if fault is None else ("POST", f"/fault/{fault}")
        try:
            async with aiohttp.request(method, f"{self.control}{path}") as response:
                response.raise_for_status()
        except aiohttp.ClientError as error:
            raise RegionProcessError(
                f"region {self.spec.region} did not take the fault: {error}"
            ) from error

    async def kill(self) -> None:
        """SIGKILL, as a power cut would; returns once the process is gone."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def stop(self) -> None:
        """End it with SIGTERM, or after STOP_SECONDS with SIGKILL."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            await self.kill()


class RegionProcesses:
    """Every simulated endpoint. Use as an async context manager."""

    def __init__(self, specs: Sequence[EndpointSpec]) -> None:
        self.processes = tuple(map(RegionProcess, specs))

    async def __aenter__(self) -> RegionProcesses:
        """Start all; when one fails, none is left."""
        try:
            started = await asyncio.gather(
                *(process.start() for process in self.processes), return_exceptions=True
            )
        except asyncio.CancelledError:
            await self.stop()
            raise
        failures = [result for result in started if isinstance(result, BaseException)]
        if failures:
            await self.stop()
            raise failures[0]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def of(self, region: str) -> tuple[RegionProcess, ...]:
        """The processes of one region."""
        return tuple(p for p in self.processes if p.spec.region == region)

    async def stop(self) -> None:
        """Stop every process."""
        await asyncio.gather(*(process.stop() for process in self.processes))
