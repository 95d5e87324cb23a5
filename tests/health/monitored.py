"""Real servers whose mood a test sets, and what a monitor reports of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from resolverd.config.probe_layers import complete_probe
from resolverd.health.monitor import Monitor, Target
from resolverd.health.verdict import Verdict

Serve = Callable[..., Awaitable[int]]
Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter
Watch = Callable[..., Awaitable[Monitor]]


class Switch:
    """A server whose mood a test sets: "200", "503", or "hang"; counts its requests."""

    def __init__(self, mood: str = "200") -> None:
        self.mood = mood
        self.requests = 0
        self.hanging = 0
        self.most_hanging = 0
        self.hung = asyncio.Event()

    async def __call__(self, reader: Reader, writer: Writer) -> None:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            self.requests += 1
            if self.mood == "hang":
                self.hanging += 1
                self.most_hanging = max(self.most_hanging, self.hanging)
                self.hung.set()
                try:
                    await reader.read()
                finally:
                    self.hanging -= 1
                return
            writer.write(f"HTTP/1.1 {self.mood} x\r\nContent-Length: 0\r\n\r\n".encode())


class Changes:
    """Records what the monitor reports, and lets a test wait for a state."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Verdict, Verdict]] = []
        self._more = asyncio.Event()

    def __call__(self, target: str, before: Verdict, after: Verdict) -> None:
        self.seen.append((target, before, after))
        self._more.set()

    def states(self, target: str) -> list[str]:
        return [after.state.value for id_, _, after in self.seen if id_ == target]

    async def until(self, target: str, *states: str, times: int = 1) -> None:
        """Wait until `target` has entered one of `states`, counting from its first verdict."""
        async with asyncio.timeout(20):
            while sum(state in states for state in self.states(target)) < times:
                self._more.clear()
                await self._more.wait()


def target(id_: str, port: int, **settings: object) -> Target:
    quick = {"interval": 0.1, "fast_interval": 0.05, "timeout": 5.0, "fall": 3, "rise": 2}
    probe = complete_probe(quick | settings)
    return Target(id_, "us-east", id_, f"http://127.0.0.1:{port}", probe)


async def eventually(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not happened():  # noqa: ASYNC110 (what is waited for is a plain counter)
            await asyncio.sleep(0.01)
