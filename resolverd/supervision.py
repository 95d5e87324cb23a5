"""How a daemon stands with whoever supervises it: sockets, readiness, status and watchdog.

`resolverd.systemd` speaks the protocol; this says what is true of the daemon.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Protocol

from resolverd import log
from resolverd.abi.library import why_not
from resolverd.admin.served import ReloadReport, Served
from resolverd.config.model import Server
from resolverd.config.types import Listener
from resolverd.engine.choice import Choice, choose
from resolverd.engine.descriptors import affordable
from resolverd.engine.inherited import adopt
from resolverd.engine.interface import Engine
from resolverd.engine.make import make_engine
from resolverd.engine.sockets import BoundSockets, allow_open_files
from resolverd.engine.stored import PREFIX, bind_again
from resolverd.handover.answering import RunLoop
from resolverd.handover.succession import Succession
from resolverd.snapshot.inputs import Inputs
from resolverd.snapshot.model import Snapshot
from resolverd.systemd import Supervisor
from resolverd.tasks import Tasks
from resolverd.watchdog import Watchdog

_INTERNET = (socket.AF_INET, socket.AF_INET6)
# Seconds between looks for the Steering that was asked for.
_POLL_INTERVAL = 0.05
# Late targets named in one line.
_NAMED = 3


class Supervised(Served, Protocol):
    """A daemon, as its supervision sees it."""

    def steer_soon(self) -> None:
        """Make a new Steering at once."""


class Supervision:
    """Tells `supervisor` how `daemon` goes; without one, tells nobody."""

    def __init__(self, daemon: Supervised, supervisor: Supervisor | None, run: RunLoop) -> None:
        """`run` runs an event loop, of a process that answers once this one does not."""
        self._daemon = daemon
        self._supervisor = supervisor or Supervisor()
        self._run = run
        self._succession = Succession(self._supervisor, run)
        self._ending = False

    def starting(self) -> None:
        """Leave nobody of before but a standby."""
        self._succession.begin()

    async def engine(self, inputs: Inputs) -> Engine:
        """The engine that `inputs` want, with the sockets handed over, or else bound here.

        By then nobody of before holds a port any more, within limits. Raises EngineError where
        there are none to be had.
        """
        await self._succession.alone()
        allow_open_files()
        server = inputs.config.server
        choice = choose(server, why_not())
        logger = log.get("daemon")
        (logger.warning if choice.fallback else logger.info)(
            "engine.chosen", engine=choice.engine, workers=choice.workers, reason=choice.why
        )
        bound, sockets = self._sockets(server, choice)
        connections = inputs.config.admin.connections
        limits = affordable(server, choice, len(inputs.targets.by_id), connections)
        return make_engine(choice, bound, sockets, limits, self._run)

    def _sockets(self, server: Server, choice: Choice) -> tuple[list[Listener], list[BoundSockets]]:
        """By worker, those handed over, or else those that `server` wants bound."""
        stored = {n: s for n, s in self._supervisor.stored.items() if n.startswith(PREFIX)}
        if self._supervisor.sockets:
            for sock in (sock for sockets in stored.values() for sock in sockets):
                sock.close()
            return adopt(self._supervisor.sockets, choice.workers)
        return bind_again(stored, server.listen, choice.workers)

    @property
    def inherited(self) -> list[Listener]:
        """The addresses of the sockets handed over, which are served in place of the configured."""
        handed_over = (sock for sock in self._supervisor.sockets if sock.family in _INTERNET)
        return list(dict.fromkeys(Listener(*sock.getsockname()[:2]) for sock in handed_over))

    async def ready(self, tasks: Tasks) -> None:
        """Report ready once every worker answers, and have `tasks` keep the watchdog calm.

        By then nobody answers for an earlier daemon any more. Raises EngineError if a worker
        does not answer.
        """
        engine, own = self._daemon.engine, not self._supervisor.sockets
        await engine.check()
        await self._succession.succeed(engine, self._daemon.snapshot, own_sockets=own)
        self._supervisor.ready(self._status())
        if self._supervisor.watchdog is None:
            return
        proofs = {"serving": self._serves, "steering": self._steers, "probing": self._probes}
        dog = Watchdog(self._supervisor.watchdog, proofs, self._supervisor.alive)
        tasks.keep("watchdog", dog.run)

    @asynccontextmanager
    async def reload(self) -> AsyncIterator[None]:
        """Report a reload while it lasts, and at its end what came of it.

        By then a standby would answer from what was adopted, and none waits with what was before.
        Once the daemon ends neither is: `bequeath` brings whoever answers next up to date.
        """
        if not self._ending:
            self._supervisor.reloading()
        try:
            yield
        finally:
            if not self._ending:
                self._succession.update(self._daemon.engine, self._daemon.snapshot)
                await self.settled()
                self._supervisor.ready(self._status())

    async def settled(self) -> None:
        """Return once whoever may answer next would answer as the daemon does."""
        await self._succession.settled()

    async def prepare(self, snapshot: Snapshot) -> None:
        """Have somebody wait who may answer next from a Plan that is about to be served."""
        await self._succession.prepare(self._daemon.engine, snapshot)

    def serving_soon(self, snapshot: Snapshot) -> None:
        """Whoever may answer next answers from this, which is served in a moment."""
        self._succession.update(self._daemon.engine, snapshot)

    def republished(self) -> None:
        """Report how the regions stand."""
        if not self._ending:
            self._supervisor.status(self._status())

    def stopping(self) -> None:
        """Report that the end has begun."""
        self._ending = True
        self._supervisor.stopping()

    async def bequeath(self) -> None:
        """Leave somebody who answers until the next daemon does, should there be one."""
        await self._succession.bequeath(self._daemon.engine, self._daemon.snapshot)

    def _status(self) -> str:
        daemon = self._daemon
        plan, steering = daemon.snapshot
        judged = list(steering.regions.values())
        return status_line(
            plan.generation,
            sum(region.verdict.serves for region in judged),
            len(judged),
            daemon.reloads,
            isolated=daemon.monitor.isolation.reason,
            down=daemon.outages.down,
        )

    async def _serves(self) -> str:
        await self._daemon.engine.check()
        return ""

    async def _steers(self) -> str:
        before = self._daemon.snapshot.steering
        self._daemon.steer_soon()
        while self._daemon.snapshot.steering is before:  # noqa: ASYNC110 - others replace it too
            await asyncio.sleep(_POLL_INTERVAL)
        return ""

    async def _probes(self) -> str:
        late = self._daemon.monitor.late(time.monotonic())
        more = f" and {len(late) - _NAMED} more" if len(late) > _NAMED else ""
        return f"no probe of {', '.join(late[:_NAMED])}{more} when it was due" if late else ""


def status_line(
    generation: int,
    up: int,
    regions: int,
    reloads: ReloadReport,
    *,
    isolated: str = "",
    down: str = "",
) -> str:
    """``generation 3, 4 of 4 regions up, reload adopted at 2026-11-23 20:14:33 UTC``.

    `isolated` is why this host is not ready, and comes first; then `down`, as `Outages` has it.
    """
    at = datetime.fromtimestamp(reloads.at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    outcome, _, reason = reloads.last.partition(": ")
    event = outcome if outcome == "started" else f"reload {outcome}"
    why = f": {reason.splitlines()[0]}" if reason else ""
    first = f"NOT READY: {isolated}; " if isolated else ""
    first += "DEGRADED: serving kept files; " if reloads.kept else ""
    first += f"{down}; " if down else ""
    parts = [outdated.part for outdated in reloads.outdated]
    more = f" and {len(parts) - _NAMED} more" if len(parts) > _NAMED else ""
    older = f" ({', '.join(parts[:_NAMED])}{more})" if parts else ""
    counted = f"{up} of {regions} regions up"
    return f"{first}generation {generation}, {counted}, {event} at {at}{older}{why}"
