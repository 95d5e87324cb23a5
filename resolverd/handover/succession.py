"""A daemon's place between the one before it and the one after it.

`begin` at the start, `succeed` once its own answers are proven, `bequeath` when it is about to
stop. In between `stands` says whether the service manager keeps the channel for the next.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket

from resolverd import log
from resolverd.engine.interface import Engine
from resolverd.engine.stored import names_of
from resolverd.errors import EngineError
from resolverd.handover.channel import (
    ANSWERED,
    NAME,
    PID,
    SERVING,
    STARTING,
    channel,
    is_open,
    receive,
    send,
)
from resolverd.handover.leftovers import kill_leftovers
from resolverd.handover.standin import RunLoop, leave_stand_in
from resolverd.snapshot.model import Snapshot
from resolverd.systemd import Supervisor

# Seconds between signs of life to the stand-in.
_SIGN = 1.0
# Seconds in which a stand-in ends once it may: it has TCP clients to part from.
_PARTING = 5.0


class Succession:
    """What `supervisor` passes on from one daemon to the next; nothing where there is none."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._before = [*supervisor.stored.get(NAME, ())]
        self._mine: socket.socket | None = None
        self._signs: asyncio.Task[None] | None = None
        self._log = log.get("handover")

    def begin(self) -> None:
        """Let a stand-in know that its successor is starting."""
        if self._before and self._signs is None:
            self._signs = asyncio.create_task(self._sign(), name="handover")

    async def succeed(self, engine: Engine, *, own_sockets: bool) -> None:
        """`engine` answers: let the stand-in end, and get ready to be succeeded.

        `own_sockets`: no socket unit holds them, so they are stored too.
        """
        self.abandon()
        for end in self._before:
            await self._take_over(end)
            end.close()
        self._before = []
        if not self._supervisor.address:
            return
        if killed := await asyncio.to_thread(kill_leftovers):
            self._log.warning("leftovers.killed", pids=killed)
        self._store(engine, own_sockets=own_sockets)

    async def bequeath(self, engine: Engine, snapshot: Snapshot, run: RunLoop) -> None:
        """Leave a stand-in for `engine`, where the service manager may start a successor."""
        if self._mine is None or not is_open(self._mine):
            return
        try:
            pid = await leave_stand_in(engine, snapshot, self._mine, run)
        except EngineError as wrong:
            self._log.error("standin.failed", reason=str(wrong))
        else:
            self._log.info("standin.left", pid=pid)
        self._mine.close()
        self._mine = None

    def abandon(self) -> None:
        """Give no more signs."""
        if self._signs is not None:
            self._signs.cancel()
            self._signs = None

    async def _sign(self) -> None:
        while True:
            for end in self._before:
                send(end, STARTING)
            await asyncio.sleep(_SIGN)

    async def _take_over(self, end: socket.socket) -> None:
        """Have the stand-in end, and wait for that, within limits."""
        send(end, SERVING)
        said: dict[str, str] = {}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PARTING):
                while (words := await _message(end)) is not None:
                    said |= {words[0]: words[1]} if len(words) > 1 else {}
        if PID in said:
            event = self._log.info if ANSWERED in said else self._log.warning
            event("standin.succeeded", pid=said[PID], answered=said.get(ANSWERED, "unknown"))

    def _store(self, engine: Engine, *, own_sockets: bool) -> None:
        for name in self._supervisor.stored:
            self._supervisor.discard(name)
        mine, next_one = channel()
        self._supervisor.store(NAME, [next_one], polled=True)
        next_one.close()
        self._mine = mine
        if own_sockets:
            for name, sockets in names_of(engine.sockets).items():
                self._supervisor.store(name, sockets, polled=False)


async def _message(end: socket.socket) -> list[str] | None:
    readable = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(end, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(end)
    return receive(end)
