"""A way to a TCP server that takes its time, swallows what is sent, or ends in the middle of it."""

from __future__ import annotations

import asyncio
import contextlib
import math
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial


@dataclass
class Way:
    """Listens on `port`; octets arrive after `delay` seconds, and while it is `cut` never.

    Each connection carries `rate` octets a second each way. Connections end once `left` octets have
    come back from the server, of which `came` counts those so far.
    """

    target: int
    port: int = 0
    delay: float = 0.0
    cut: bool = False
    rate: float = math.inf
    left: int = sys.maxsize
    came: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Join one client with the server until either closes."""
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        except asyncio.CancelledError:
            writer.close()
            raise
        for one, other in ((reader, back), (there, writer)):
            task = asyncio.create_task(self._one_way(one, other, comes_back=one is there))
            self._tasks.add(task)
            task.add_done_callback(partial(self._ended, other))

    async def stop(self) -> None:
        """End all connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, writer: asyncio.StreamWriter, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        writer.close()  # here, for one that is cancelled at once has not begun

    async def _one_way(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, comes_back: bool
    ) -> None:
        loop = asyncio.get_running_loop()
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def read() -> None:
            while octets := await reader.read(65_536):
                waiting.put_nowait((loop.time() + self.delay, octets))
            waiting.put_nowait((0.0, b""))

        reading = asyncio.create_task(read())
        try:
            with contextlib.suppress(OSError):
                while True:
                    due, octets = await waiting.get()
                    await asyncio.sleep(max(0.0, due - loop.time()))
                    if comes_back:
                        octets = octets[: self.left]
                        self.left -= len(octets)
                        self.came += len(octets)
                    if not octets:
                        return
                    if not self.cut:
                        writer.write(octets)
                        await writer.drain()
                        await asyncio.sleep(len(octets) / self.rate)
                    if comes_back and not self.left:
                        return
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


@asynccontextmanager
async def way_to(port: int) -> AsyncIterator[Way]:
    """A way to that port of 127.0.0.1."""
    way = Way(port)
    server = await asyncio.start_server(way.carry, "127.0.0.1", 0)
    way.port = server.sockets[0].getsockname()[1]
    try:
        yield way
    finally:
        server.close()
        await way.stop()
