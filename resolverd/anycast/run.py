"""The process: it looks at its edge again and again, and announces what follows from it.

    start    what an earlier process left is withdrawn ─► answer, prove ─► announce
    SIGTERM  withdraw, proved ─► wait until queries have ebbed, bounded ─► end
    ExaBGP is gone (via = "exabgp")  end

Where the service manager wants proofs of life, each finished turn is one.
"""

from __future__ import annotations

import asyncio
import contextlib
import time

from resolverd import log
from resolverd.anycast.announcer import Announcer, in_words
from resolverd.anycast.configuration import Kept
from resolverd.anycast.drain import Drain
from resolverd.anycast.ebb import Reading, rate
from resolverd.anycast.fitness import Fitness, Limits, Reason, fitness
from resolverd.anycast.fleet import SharedFloor
from resolverd.anycast.looking import Looking
from resolverd.config.anycast import Anycast
from resolverd.systemd import Supervisor

# Seconds between two readings of the daemon's counter of queries while they ebb.
_EBB_INTERVAL = 0.5


class Edge:
    """This edge: what was seen last, and what is announced of it.

    `drained` is an operator's drain, which whoever holds `ordering` changes; `kept` what is run
    with where the file was refused.
    `stopping` withdraws for good. `ended` is set by whoever ends the process; `abandoned` says that
    the speaker has ended, with all that it announced.
    """

    def __init__(
        self, settings: Anycast, looking: Looking, announcer: Announcer, floor: SharedFloor
    ) -> None:
        self.settings, self.announcer, self.floor = settings, announcer, floor
        self.drained: Drain | None = None
        self.kept: Kept | None = None
        self.stopping = self.abandoned = False
        self.ordering = asyncio.Lock()
        self.ended = asyncio.Event()
        self.fitness = Fitness((), {})
        self.started = time.time()
        self.turned_at = time.monotonic()
        self._looking, self._addresses = looking, settings.addresses
        self._limits = Limits(settings.failures, settings.daemon_grace, settings.max_plan_behind)
        self._turn = asyncio.Lock()
        self._reasons: tuple[Reason, ...] | None = None
        self._log = log.get("anycast")

    async def run(self, supervisor: Supervisor) -> None:
        """Keep on until `ended`; then withdraw, and wait until queries have ebbed."""
        await self.floor.start()
        await self.announcer.begin()
        supervisor.ready("nothing is announced yet")
        self._log.info("anycast.started", addresses=list(self.settings.addresses))
        while not self.ended.is_set():
            begun = time.monotonic()
            await self.turn()
            supervisor.alive()
            supervisor.status(self.status)
            pause = max(0.0, self.settings.interval - (time.monotonic() - begun))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ended.wait(), pause)
        supervisor.stopping()
        if not self.abandoned:
            await self.withdraw_and_wait()

    async def turn(self) -> None:
        """One look, and what follows from it."""
        async with self._turn:
            seen = await self._looking.look(
                draining=self.drained.text if self.drained else "", stopping=self.stopping
            )
            self.fitness = fitness(seen, self._limits)
            self._tell()
            await self.announcer.turn(self.fitness)
            self.turned_at = time.monotonic()

    async def withdraw_and_wait(self) -> None:
        """Withdraw for good; returns once queries have ebbed, or after `ebb_wait`."""
        self.stopping = True
        before = self.announcer.announced
        await self.turn()
        gone = [a for a in before if a not in self.announcer.announced]
        if gone:
            await self.wait_for_ebb(gone)

    async def wait_for_ebb(self, addresses: list[str]) -> None:
        """Wait until fewer than `ebb_rate` queries come, or for `ebb_wait`.

        A daemon that says nothing, as on a busy host, may well be asked by clients still; so may
        one with a fault, whose counter may be an old one.
        """
        begun = time.monotonic()
        last, seen = await self._reading(), None
        while time.monotonic() - begun < self.settings.ebb_wait:
            await asyncio.sleep(_EBB_INTERVAL)
            now = await self._reading()
            seen = None if now is None or last is None else rate(last, now)
            if seen is not None and seen < self.settings.ebb_rate:
                break
            last = now or last
        took = round(time.monotonic() - begun, 3)
        said = {"addresses": addresses, "seconds": took, "queries_per_second": seen}
        if seen is not None and seen < self.settings.ebb_rate:
            self._log.info("anycast.ebbed", **said)
        else:
            self._log.warning("anycast.not_ebbed", **said)

    @property
    def left_announced(self) -> list[str]:
        """At the end: the addresses that the speaker was told to withdraw, and may have still."""
        if self.abandoned:
            return []
        return [r.address for r in self.announcer.routes.values() if r.failing]

    @property
    def status(self) -> str:
        """One line for people."""
        phases = ", ".join(
            f"{route.address} {route.state.phase}" for route in self.announcer.routes.values()
        )
        against = in_words(self.fitness.edge)
        kept = "" if self.kept is None else "its file was refused at its start"
        return "; ".join(filter(None, (phases, against, kept)))

    async def _reading(self) -> Reading | None:
        daemon = await self._looking.ask_daemon()
        if daemon is None or daemon.faults:
            return None
        return Reading(daemon.queries, self._looking.own_queries, time.monotonic())

    def _tell(self) -> None:
        """Say once that this edge is not fit, and why, and once that it is."""
        reasons = tuple(dict.fromkeys(r for a in self._addresses for r in self.fitness.of(a)))
        codes = tuple(sorted({reason.code for reason in reasons}))
        known = None if self._reasons is None else tuple(sorted({r.code for r in self._reasons}))
        if codes != known:
            if reasons:
                self._log.warning("anycast.unfit", problems=[reason.text for reason in reasons])
            else:
                self._log.info("anycast.fit")
        self._reasons = reasons
