"""What a daemon needs of an engine, whichever it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from resolverd.config.types import Listener
from resolverd.engine.block_samples import BlockSamples
from resolverd.engine.counters import Counters
from resolverd.engine.sockets import BoundSockets
from resolverd.errors import EngineError
from resolverd.snapshot.model import Snapshot
from resolverd.snapshot.verify import Ask

RunLoop = Callable[[Any], None]
"""Runs a coroutine in an event loop of its own, in another process."""


class LateReplyError(EngineError):
    """A worker has not replied within so many `seconds`; it may yet.

    `counted` is what was counted when all had replied last.
    """

    def __init__(self, seconds: float, counted: Counters) -> None:
        super().__init__(f"a worker of the engine has not replied within {seconds:g} s")
        self.counted = counted


class Engine(Protocol):
    """Serves one Snapshot at a time on the sockets it was made with."""

    @property
    def name(self) -> str:
        """Which engine it is: native or reference."""

    @property
    def workers(self) -> int:
        """How many threads or processes answer."""

    @property
    def bound(self) -> Sequence[Listener]:
        """The addresses and ports that are really served."""

    @property
    def sockets(self) -> Sequence[BoundSockets]:
        """What it serves on, by worker; open until `stop`."""

    @property
    def died(self) -> asyncio.Future[str]:
        """Done, with the reason, when the engine can serve no more."""

    async def start(self, snapshot: Snapshot) -> None:
        """Begin to answer. Raises EngineError when it cannot."""

    async def staged(self, snapshot: Snapshot) -> Ask:
        """What it will answer from `snapshot`, loaded but not served, and not counted.

        While the result is held, `publish` does not load the same Plan again. Raises EngineError
        where the engine cannot take it.
        """

    async def publish(self, snapshot: Snapshot) -> None:
        """Answer every later packet from `snapshot`."""

    async def check(self) -> None:
        """Answer a query to itself, in every worker. Raises EngineError if one cannot."""

    async def counters(self) -> Counters:
        """What was counted so far, all workers together. Raises EngineError, or LateReplyError."""

    async def block_samples(self) -> BlockSamples:
        """The samples of clients' blocks since this was asked, all workers together.

        Raises EngineError, or LateReplyError.
        """

    def again(self) -> Engine:
        """Another one on the same sockets, not started.

        To be called in a process that was forked from the engine's own, in the loop that is to
        run it; of the engine itself nothing else may be used there.
        """

    async def stop(self) -> None:
        """Stop answering and close the sockets."""


async def last_counted(engine: Engine) -> Counters:
    """What was counted, as it was last where a worker hangs; nothing by an engine that has died.

    Raises EngineError.
    """
    if engine.died.done():
        return Counters()
    try:
        return await engine.counters()
    except LateReplyError as late:
        return late.counted
