"""GET /fitness of an engine whose worker hangs: that is a fault, and its counts are old."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from resolverd.admin.fitness import fitness_of
from resolverd.engine.counters import Counters
from resolverd.engine.interface import LateReplyError


class Hanging:
    """An engine that is well but for its counters; asked for both at once it replies in time."""

    def __init__(self) -> None:
        self.died: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.asked = asyncio.Event()

    async def check(self) -> None:
        async with asyncio.timeout(20):
            await self.asked.wait()

    async def counters(self) -> Counters:
        self.asked.set()
        counted = Counters()
        counted.received["udp"] = 7
        raise LateReplyError(2.0, counted)


async def test_late_counts_are_a_fault_beside_the_last_ones() -> None:
    served: Any = SimpleNamespace(
        engine=Hanging(),
        snapshot=SimpleNamespace(plan=SimpleNamespace(zones={}, generation=1)),
        reloads=SimpleNamespace(behind_since=None),
        tasks=SimpleNamespace(failing=lambda *, vital: []),
        monitor=SimpleNamespace(late=lambda _: [], isolation=SimpleNamespace(reason="")),
    )
    document = await fitness_of(served)
    assert document["faults"] == ["a worker of the engine has not replied within 2 s"]
    assert document["queries"] == 7
