"""The process beside a front door when the kernel fails it, or has more to tell than is good."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from harness.waiting import until_holds
from structlog.testing import capture_logs

from resolverd.cli.measuring import Measuring
from resolverd.config.types import parse_listener
from resolverd.rtt.inet_diag import Connection, DiagError
from resolverd.rtt.networks import Networks
from resolverd.systemd import Supervisor

SOON = 20.0
CLIENT = Connection(socket.inet_aton("8.8.8.8"), 20.0, 100)


class Kernel:
    """One client; `fault` is why it cannot be read, `seconds` what a look takes."""

    def __init__(self) -> None:
        self.looks: list[float] = []
        self.fault = ""
        self.seconds = 0.0

    def connections(self) -> Iterator[Connection]:
        self.looks.append(time.monotonic())
        if self.fault:
            raise DiagError(self.fault)
        time.sleep(self.seconds)
        yield CLIENT


@asynccontextmanager
async def serving(kernel: Kernel, interval: float) -> AsyncIterator[str]:
    networks = Networks(10, 86_400.0)
    measuring = Measuring(kernel, networks, "eu", 1, interval=interval, page_interval=0.0)
    task = asyncio.create_task(measuring.run(parse_listener("127.0.0.1:0"), Supervisor()))
    await until_holds(lambda: measuring.bound is not None or task.done(), within=SOON)
    try:
        yield f"http://{measuring.bound}"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_page_goes_on_while_the_kernel_cannot_be_read() -> None:
    kernel = Kernel()
    with capture_logs() as logged:
        async with serving(kernel, 0.02) as url, aiohttp.ClientSession() as session:

            async def status() -> int:
                async with session.get(f"{url}/healthz") as response:
                    return response.status

            async def page() -> str:
                async with session.get(url) as response:
                    return await response.text()

            async def failing() -> bool:
                return await status() == 503

            async def well() -> bool:
                return await status() == 200

            assert await well()
            kernel.fault = "the kernel's answer is cut short"
            await until_holds(failing, within=SOON)
            looks = len(kernel.looks)
            await until_holds(lambda: len(kernel.looks) > looks + 2, within=SOON)
            assert "8.8.8.0/24,eu,20,1,600" in await page()
            kernel.fault = ""
            await until_holds(well, within=SOON)
    events = [event["event"] for event in logged]
    assert events == ["rtt.measuring", "rtt.unreadable", "rtt.readable"]


async def test_looks_take_a_fiftieth_of_the_time_at_most() -> None:
    kernel = Kernel()
    kernel.seconds = 0.02
    async with serving(kernel, 0.0):
        await until_holds(lambda: len(kernel.looks) >= 3, within=SOON)
    assert kernel.looks[2] - kernel.looks[1] >= 50 * kernel.seconds


async def test_what_cannot_be_read_at_all_ends_the_start() -> None:
    kernel = Kernel()
    kernel.fault = "netlink is closed to this process"
    measuring = Measuring(kernel, Networks(10, 86_400.0), "eu", 1)
    with pytest.raises(DiagError, match="closed"):
        await measuring.run(parse_listener("127.0.0.1:0"), Supervisor())
