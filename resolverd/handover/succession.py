"""A daemon's place between the one before it and the one after it.

`begin` at the start, `succeed` once its own answers are proven, `update` with every Snapshot from
then on, `bequeath` when it is about to stop. A standby waits in between, where the service manager
keeps the channel for the next daemon; where it does not, there would be nobody to succeed.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time

from resolverd import log
from resolverd.engine.interface import Engine
from resolverd.engine.stored import names_of
from resolverd.errors import EngineError
from resolverd.handover.answering import RunLoop
from resolverd.handover.channel import (
    ANSWERED,
    NAME,
    PID,
    SERVING,
    channel,
    is_open,
    receive,
    send,
)
from resolverd.handover.leftovers import STANDBY, kill_leftovers
from resolverd.handover.standby import Standby
from resolverd.snapshot.model import Snapshot
from resolverd.systemd import Supervisor

# Seconds in which a standby ends once it may: it has TCP clients to part from.
_PARTING = 5.0
# Seconds between two attempts to have a standby.
_AGAIN = 10.0


class Succession:
    """What `supervisor` passes on from one daemon to the next; nothing where there is none."""

    def __init__(self, supervisor: Supervisor, run: RunLoop) -> None:
        """`run` runs the event loop of a standby."""
        self._supervisor, self._run = supervisor, run
        self._before = [*supervisor.stored.get(NAME, ())]
        self._mine: socket.socket | None = None
        self._standby: Standby | None = None
        self._served: Snapshot | None = None
        self._renewal: asyncio.Task[None] | None = None
        self._tried = -_AGAIN
        self._log = log.get("handover")

    @property
    def standby(self) -> int | None:
        """The PID of the standby that waits, if any; of one that is being forked there is none."""
        return self._standby.pid or None if self._standby is not None else None

    def begin(self) -> None:
        """See to it that of before nobody is left but a standby.

        One whose channel is not passed on is of a service that was stopped since: it is about to
        end, and may hold the ports for a moment more.
        """
        self._kill_leftovers(but=STANDBY if self._before else "")

    async def succeed(self, engine: Engine, snapshot: Snapshot, *, own_sockets: bool) -> None:
        """`engine` answers: let an earlier standby end, and get ready to be succeeded.

        `own_sockets`: no socket unit holds them, so they are stored too.
        """
        for end in self._before:
            await self.take_over(end)
            end.close()
        self._before = []
        if not self._supervisor.address:
            return
        self._kill_leftovers()
        self._store(engine, own_sockets=own_sockets)
        await self._renew(engine, snapshot)

    def update(self, engine: Engine, snapshot: Snapshot) -> None:
        """What is answered from now on; a Plan of its own needs a standby of its own."""
        self._served = snapshot
        if self._mine is None:
            return
        if self._standby is not None and not self._brought_up_to_date(self._standby, snapshot):
            self._standby = None
        if self._renewal is not None and not self._renewal.done():
            return
        standby, due = self._standby, time.monotonic() >= self._tried + _AGAIN
        missing = standby is None or not standby.alive
        if (missing and due) or (standby is not None and standby.plan is not snapshot.plan):
            self._renewal = asyncio.create_task(self._renew(engine, snapshot), name="standby")

    async def settled(self) -> None:
        """Return once nobody waits any more who would answer from an earlier Plan."""
        if self._renewal is not None:
            await asyncio.wait([self._renewal])

    async def bequeath(self, engine: Engine, snapshot: Snapshot) -> None:
        """Have the standby answer, where the service manager may start a successor."""
        if self._renewal is not None:
            await asyncio.gather(self._renewal, return_exceptions=True)
        if self._mine is not None and is_open(self._mine):
            await self._have_answered(engine, snapshot)
        elif self._standby is not None:
            self._standby.dismiss()
        self._standby = None
        if self._mine is not None:
            self._mine.close()
            self._mine = None

    def _kill_leftovers(self, *, but: str = "") -> None:
        if self._supervisor.main and (killed := kill_leftovers(but=but)):
            self._log.warning("leftovers.killed", pids=killed)

    def _brought_up_to_date(self, standby: Standby, snapshot: Snapshot) -> bool:
        """One that would answer from what was before is none."""
        try:
            standby.update(snapshot)
        except OSError as wrong:
            self._log.error("standby.failed", pid=standby.pid, reason=str(wrong))
            standby.dismiss()
            return False
        return True

    async def _have_answered(self, engine: Engine, snapshot: Snapshot) -> None:
        """Have the standby answer, or else a new one."""
        standby = self._standby
        if standby is None or standby.plan is not snapshot.plan or not standby.alive:
            await self._renew(engine, snapshot)
        if await self._answers(snapshot):
            return
        await self._renew(engine, snapshot)
        await self._answers(snapshot)

    async def _answers(self, snapshot: Snapshot) -> bool:
        standby, self._standby = self._standby, None
        if standby is None:
            return False
        try:
            standby.update(snapshot)
            await standby.answer()
        except (EngineError, OSError) as wrong:
            self._log.error("standby.failed", pid=standby.pid, reason=str(wrong))
            standby.dismiss()
            return False
        return True

    async def _renew(self, engine: Engine, snapshot: Snapshot) -> None:
        """Have a new standby in place of the old, which waits until the new one does."""
        self._tried = time.monotonic()
        if self._mine is None or not is_open(self._mine):
            return
        self._served = snapshot
        old = self._standby
        try:
            self._standby = Standby(engine, snapshot, self._mine)  # what comes from now on is its
            await self._standby.start(self._run)
        except OSError as wrong:
            self._standby = None
            self._log.error("standby.failed", reason=f"none can be started: {wrong.strerror}")
        if old is not None:
            if not old.alive:
                self._log.warning("standby.lost", pid=old.pid)
            old.dismiss()
        served = self._served
        if self._standby is not None and self._standby.plan is not served.plan:
            await self._renew(engine, served)

    async def take_over(self, end: socket.socket) -> None:
        """Have the standby end, and wait for that, within limits."""
        send(end, SERVING)
        said: dict[str, str] = {}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PARTING):
                while (words := await _message(end)) is not None:
                    said |= {words[0]: words[1]} if len(words) > 1 else {}
        if ANSWERED in said:
            pid, answered = _number(said.get(PID)), _number(said[ANSWERED])
            self._log.info("standby.succeeded", pid=pid, query_count=answered)
        elif PID in said:
            self._log.warning("standby.late", pid=_number(said[PID]), seconds=_PARTING)

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


def _number(word: str | None) -> int | None:
    """What a standby, which may be of another version, says of itself; None if it is no number."""
    return int(word) if word and word.isdecimal() else None


async def _message(end: socket.socket) -> list[str] | None:
    readable = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(end, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(end)
    return receive(end)
