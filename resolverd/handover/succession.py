"""A daemon's place between the one before it and the one after it.

`begin` at the start, `succeed` once its own answers are proven; from then on `update` before every
Snapshot that is served, and `prepare` before one of another Plan; `bequeath` when it is about to
stop. A standby waits in between, where the service manager keeps the channel for the next daemon;
where it does not, there would be nobody to succeed.

It is never behind the daemon: whatever a client has been answered, whoever answers after a kill
answers so too. It may be ahead, by what is served in a moment.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from resolverd import log
from resolverd.engine.interface import Engine
from resolverd.engine.stored import names_of
from resolverd.errors import EngineError
from resolverd.files.threads import detached
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
from resolverd.handover.latest import Latest
from resolverd.handover.leftovers import STANDBY, Killed, kill_leftovers, wait_for
from resolverd.handover.standby import Standby
from resolverd.snapshot.model import Plan, Snapshot
from resolverd.systemd import Supervisor
from resolverd.uncancelled import to_its_end

T = TypeVar("T")

# Seconds in which a standby ends once it may: it has TCP clients to part from.
_END_TIMEOUT = 5.0
# Seconds in which a process that is killed has ended, on a busy host too.
_DEATH_TIMEOUT = 2.0
# Seconds between two attempts to have a standby.
_RETRY_INTERVAL = 10.0


class Succession:
    """What `supervisor` passes on from one daemon to the next; nothing where there is none."""

    def __init__(self, supervisor: Supervisor, run: RunLoop) -> None:
        """`run` runs the event loop of a standby."""
        self._supervisor, self._run = supervisor, run
        self._before = [*supervisor.stored.get(NAME, ())]
        self._killed: list[Killed] = []
        self._mine: socket.socket | None = None
        # Who is to answer, and who will be once the Plan that it was forked with is served.
        self._standby: Standby | None = None
        self._prepared: Standby | None = None
        self._latest: Latest | None = None
        self._numbers = itertools.count(1)
        self._served: Snapshot | None = None
        self._pending: set[asyncio.Task[None]] = set()
        self._tried = -_RETRY_INTERVAL
        self._log = log.get("handover")

    @property
    def standby(self) -> int | None:
        """The PID of the standby that waits, if any; of one that is being forked there is none."""
        return self._standby.pid or None if self._standby is not None else None

    def begin(self) -> None:
        """See to it that of before nobody is left but a standby.

        One whose channel is not passed on is of a service that was stopped since: it is about to
        end, and may hold the ports for a moment more, as whoever is killed may; see `alone`.
        """
        self._killed = self._kill_leftovers(but=STANDBY if self._before else "")

    async def alone(self) -> None:
        """Return once those that `begin` has killed hold no port any more, within limits."""
        killed, self._killed = self._killed, []
        if not killed:
            return
        wait = partial(wait_for, killed, _DEATH_TIMEOUT)
        left = await _beside_the_loop(wait)
        if left:
            self._log.warning("leftovers.remain", pids=left, seconds=_DEATH_TIMEOUT)

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
        wait_for(self._kill_leftovers(), 0.0)
        self._store(engine, own_sockets=own_sockets)
        await self._renew(engine, snapshot)

    async def prepare(self, engine: Engine, snapshot: Snapshot) -> None:
        """Fork a standby with a Plan that is about to be served; the one there is goes on waiting.

        From the `update` with that Plan on it is the one that is to answer.
        """
        await self.settled()
        unserved, self._prepared = self._prepared, None
        if unserved is not None:
            await self._dismiss(unserved)
        # A thread forks, and whoever is cancelled before that must not take its pipes away.
        await to_its_end(self._begin(self._prepare(engine, snapshot.plan)))

    def update(self, engine: Engine, snapshot: Snapshot) -> None:
        """What is answered in a moment; a Plan of its own needs a standby of its own."""
        self._served = snapshot
        if self._mine is None:
            return
        replaced = None
        if self._prepared is not None and self._prepared.plan is snapshot.plan:
            replaced, self._standby = self._standby, self._prepared
            self._prepared = None
        current = self._standby
        if current is not None and not self._brought_up_to_date(current, snapshot):
            self._standby = None
        if replaced is not None:
            self._begin(self._dismiss(replaced))
        if self._pending:
            return
        standby, due = self._standby, time.monotonic() >= self._tried + _RETRY_INTERVAL
        missing = standby is None or not standby.alive
        if (missing and due) or (standby is not None and standby.plan is not snapshot.plan):
            self._begin(self._renew(engine, snapshot))

    async def settled(self) -> None:
        """Return once no standby is being put in the place of another."""
        if self._pending:
            await asyncio.wait(self._pending)

    async def bequeath(self, engine: Engine, snapshot: Snapshot) -> None:
        """Have the standby answer, where the service manager may start a successor."""
        await self.settled()
        if self._mine is not None and is_open(self._mine):
            await self._have_answered(engine, snapshot)
        elif self._standby is not None:
            self._standby.dismiss()
        self._standby = None
        if self._prepared is not None:
            self._prepared.dismiss()
            self._prepared = None
        if self._latest is not None:
            self._latest.close()
            self._latest = None
        if self._mine is not None:
            self._mine.close()
            self._mine = None

    async def _prepare(self, engine: Engine, plan: Plan) -> None:
        self._prepared = await self._forked(engine, plan)

    def _begin(self, change: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(change, name="standby")
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)
        return task

    def _kill_leftovers(self, *, but: str = "") -> list[Killed]:
        killed = kill_leftovers(but=but) if self._supervisor.main else []
        if killed:
            self._log.warning("leftovers.killed", pids=[each.pid for each in killed])
        return killed

    def _brought_up_to_date(self, standby: Standby, snapshot: Snapshot) -> bool:
        """One that would answer from what was before is none."""
        try:
            if standby.plan is snapshot.plan:
                standby.follow(snapshot.steering)
        except OSError as error:
            self._log.error("standby.failed", pid=standby.pid, reason=str(error))
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
            standby.follow(snapshot.steering)
            await standby.answer()
        except (EngineError, OSError) as error:
            self._log.error("standby.failed", pid=standby.pid, reason=str(error))
            standby.dismiss()
            return False
        return True

    async def _renew(self, engine: Engine, snapshot: Snapshot) -> None:
        """Have a new standby in place of the old, which waits until the new one does."""
        self._tried = time.monotonic()
        self._served = snapshot
        while True:
            old, plan = self._standby, self._served.plan
            new = await self._forked(engine, plan)
            if new is None or self._served.plan is plan:
                break
            await self._dismiss(new)  # another Plan is served by now
        if self._standby not in (None, old):  # one that was prepared has taken its place
            if new is not None:
                await self._dismiss(new)
            return
        replaced = self._standby
        if new is not None and not self._brought_up_to_date(new, self._served):
            new = None
        self._standby = new
        if replaced is not None:
            if not replaced.alive:
                self._log.warning("standby.lost", pid=replaced.pid)
            await self._dismiss(replaced)

    async def _forked(self, engine: Engine, plan: Plan) -> Standby | None:
        """One that waits with this Plan, and is not to answer yet; None where it has no place."""
        if self._mine is None or not is_open(self._mine):
            return None
        try:
            if self._latest is None:
                self._latest = Latest()
            standby = Standby(next(self._numbers), engine, plan, self._mine, self._latest)
            await standby.start(self._run)
        except (OSError, RuntimeError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            self._log.error("standby.failed", reason=f"none can be started: {why}")
            return None
        return standby

    async def _dismiss(self, standby: Standby) -> None:
        """End it; a process of much memory takes some time for that."""
        await _beside_the_loop(standby.dismiss)

    async def take_over(self, end: socket.socket) -> None:
        """Have the standby end, and wait for that, within limits."""
        send(end, SERVING)
        said: dict[str, str] = {}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_TIMEOUT):
                while (words := await _message(end)) is not None:
                    said |= {words[0]: words[1]} if len(words) > 1 else {}
        if ANSWERED in said:
            pid, answered = _number(said.get(PID)), _number(said[ANSWERED])
            self._log.info("standby.succeeded", pid=pid, query_count=answered)
        elif PID in said:
            self._log.warning("standby.late", pid=_number(said[PID]), seconds=_END_TIMEOUT)

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


async def _beside_the_loop(work: Callable[[], T]) -> T:
    """What `work` returns, from a thread, or from here where none can be started (TasksMax=)."""
    try:
        return await detached(work, background=False)
    except RuntimeError:
        return work()
