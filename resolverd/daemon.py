"""The composition root: start order, signals, stop.

Start: load and check everything, bind, probe every endpoint once, steer, verify, serve, and
only then report ready. Edits come in through `adoption`, answers go out through `publication`.
Nothing else in the package knows all the rooms.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resolverd import log, membership, stop_limits
from resolverd.admin.served import ReloadReport
from resolverd.admin.server import AdminServer
from resolverd.adoption import Adoption
from resolverd.collector import FREEZER
from resolverd.config.load import SetOption
from resolverd.config.types import Listener
from resolverd.engine.block_samples import BlockSamples
from resolverd.engine.counters import Counters
from resolverd.engine.interface import Engine, last_counted
from resolverd.errors import ExitCode, ResolverdError
from resolverd.files.threads import detached
from resolverd.geo import preload
from resolverd.health.addresses import Entry
from resolverd.health.monitor import Monitor
from resolverd.health.overrides import Orders, Overrides
from resolverd.health.verdict import Verdict
from resolverd.ignored_signals import ignore_unmeant
from resolverd.kept.directory import FORGOTTEN, StateDirectory
from resolverd.kept.document import KeptState
from resolverd.kept.keeper import Keeper
from resolverd.kept.locate import state_path
from resolverd.kept.round_trips import RoundTrips
from resolverd.load import LoadController
from resolverd.loop import run_loop
from resolverd.observation import Observation
from resolverd.policy.operator_rules import OperatorRule
from resolverd.publication import Publication
from resolverd.restoration import Restoration
from resolverd.signals import PROCESS
from resolverd.snapshot.difference import Difference
from resolverd.snapshot.inputs import Inputs, Progress
from resolverd.snapshot.kept_maps import KeptMaps
from resolverd.snapshot.model import Snapshot
from resolverd.snapshot.precompile import Precompilation
from resolverd.snapshot.regions import World
from resolverd.snapshot.transitions import TransitionLog
from resolverd.snapshot.ttl_ledger import TtlLedger
from resolverd.snapshot.unserved import Outages
from resolverd.supervision import Supervision
from resolverd.systemd import Supervisor
from resolverd.tasks import Tasks
from resolverd.watching import Watching

if TYPE_CHECKING:
    from resolverd.fleet.joined import Joined
    from resolverd.publishing.edge import EdgeGenerations

# Seconds that an override waits for the disk: no kill takes it back, but no disk delays a drain.
_WRITTEN_FIRST = 0.5


class Daemon:
    """One resolverd. `start`, then `wait`, then `stop`; or `run` for all three."""

    def __init__(
        self,
        path: Path,
        overrides: Sequence[SetOption] = (),
        supervisor: Supervisor | None = None,
    ) -> None:
        self.ready = False
        self.generations: EdgeGenerations | None = None
        self._path, self._options = path, overrides
        self.started = time.time()
        self.reloads = ReloadReport()
        self.ttl_ledger = TtlLedger()
        self.admin = AdminServer(self)
        self._supervision = Supervision(self, supervisor, run_loop)
        self.tasks = Tasks()
        self.state = StateDirectory(state_path(path, overrides))
        self._keeper = Keeper(self.state, path)
        self._maps = KeptMaps(self.state.path)
        self._precompilation = Precompilation(self._maps)
        self._restoration = Restoration(path, overrides, self._keeper, self._maps, self.reloads)
        self._adoption = Adoption(
            path,
            overrides,
            self.reloads,
            self._supervision.reload,
            self._restoration,
            self._supervision.inherited,
            self._precompilation,
        )
        self.watching = Watching(self._adoption)
        self._stopping = asyncio.Event()
        self._dirty = asyncio.Event()
        self._reload_wanted = False
        self._answers = False
        self._begun: list[Engine | Observation] = []  # in the order in which they are stopped
        self._log = log.get("daemon")
        self.engine: Engine
        self._observation: Observation
        self._publication: Publication
        self.round_trips: RoundTrips
        self.fleet: Joined | None = None

    @property
    def bound(self) -> Sequence[Listener]:
        """Where it really listens."""
        return self.engine.bound

    @property
    def snapshot(self) -> Snapshot:
        """What is served now."""
        return self._publication.snapshot

    @property
    def outages(self) -> Outages:
        """What does not serve, by what is served now."""
        return self._publication.outages

    @property
    def inputs(self) -> Inputs:
        """What it was made from."""
        return self._publication.inputs

    @property
    def monitor(self) -> Monitor:
        """What probes the endpoints."""
        return self._observation.monitor

    @property
    def overrides(self) -> Overrides:
        """Operators' words on regions and endpoints; call `steer_soon` after a change."""
        return self._observation.overrides

    @property
    def spill_rules(self) -> Orders[OperatorRule]:
        """Operators' words on what services spill."""
        return self._observation.spill_rules

    @property
    def load(self) -> LoadController:
        """How loaded the regions are, and what follows."""
        return self._observation.load

    @property
    def transitions(self) -> TransitionLog:
        """How often states changed."""
        return self._observation.transitions

    @property
    def world(self) -> World:
        """What answers come from, its regions judged."""
        return self._publication.world()

    @property
    def names(self) -> Mapping[str, Entry]:
        """What is known of each hostname whose addresses are handed out."""
        return self._observation.names()

    @property
    def verdicts(self) -> Mapping[str, Verdict]:
        """What probing says of each target now."""
        return self.monitor.verdicts()

    @property
    def admin_closed(self) -> Mapping[str, int]:
        """Connections to the admin API that met a limit, by limit."""
        return self.admin.closed

    async def counters(self) -> Counters:
        """What the engine has counted."""
        return await self.engine.counters()

    async def block_samples(self) -> BlockSamples:
        """The samples of clients' blocks that the engine has taken since."""
        return await self.engine.block_samples()

    async def run(self) -> ExitCode:
        """Serve until a signal or the engine's death."""
        PROCESS.follow(asyncio.get_running_loop(), self._stopping.set, self._hang_up)
        ignore_unmeant()
        if not await self._start_unless_stopped():
            self._log.info("stopped", early=True)
            return ExitCode.OK
        try:
            return await self.wait()
        finally:
            await self.stop()

    async def _start_unless_stopped(self) -> bool:
        """Come up to ready; False where a signal asked to stop before it answered."""
        starting = asyncio.create_task(self.start())
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if self._answers:  # by now whoever answered before may have been told to end
            await asyncio.wait([starting])
        if starting.done():
            starting.result()
            return True
        self._supervision.stopping()
        starting.cancel()
        with contextlib.suppress(asyncio.CancelledError, ResolverdError):
            await starting
        return False

    async def start(self, progress: Progress | None = None) -> None:
        """Come up to ready. Raises ResolverdError with the reason when that cannot be.

        Nothing is left of it then.
        """
        self._supervision.starting()
        try:
            inputs = await self._load(progress)
            self.engine = await self._supervision.engine(inputs)
            self._begun.append(self.engine)
            earlier = await self._restored()
            self._join(inputs, earlier)
            await self._serve(inputs, earlier)
            self._answers = True
            await self._become_ready(inputs)
        except BaseException:
            await self._abandon()
            raise

    async def _become_ready(self, inputs: Inputs) -> None:
        """Begin what goes on, and say that it answers."""
        self._keep()
        self._keeper.follow(self._kept_state)
        self._adoption.keep(inputs)
        self.transitions.record_regions(self.snapshot.steering.regions, self.outages)
        await self._supervision.ready(self.tasks)
        self.ttl_ledger.succeed(time.monotonic())
        self.ready = True
        if self._reload_wanted or membership.may_hold_too_much(self.fleet, self.reloads.outdated):
            self._hang_up()
        self._log.info(
            "ready",
            engine=self.engine.name,
            listen=[str(listener) for listener in self.bound],
            generation=self.snapshot.plan.generation,
            zone_count=len(self.snapshot.plan.zones),
            service_count=len(self.snapshot.plan.services),
            databases=[source["file"] for source in inputs.locator.describe()],
        )

    async def _load(self, progress: Progress | None) -> Inputs:
        """What is served: of the files, or of the fleet's published generation."""
        self.generations = await membership.published(self._path, self._options, self.state.path)
        try:
            return await self._adoption.load(progress)
        finally:
            preload.drop()

    def _join(self, inputs: Inputs, earlier: KeptState) -> None:
        """What observes and publishes, this edge's place in its fleet, and what they share."""
        self.fleet = membership.joined(inputs, earlier, self.generations)
        others = self.fleet.observations if self.fleet else None
        self._observation = Observation(inputs, self._news, earlier, others)
        self._begun.append(self._observation)
        self._publication = Publication(
            self.engine,
            self._observation,
            self._dirty,
            self.ttl_ledger,
            self._supervision,
            self._maps,
            self._precompilation,
        )
        self.round_trips = RoundTrips(self.state, self.monitor, lambda: self.inputs)
        self._adoption.into(self._publication, self._observation, self._dirty)

    async def _serve(self, inputs: Inputs, earlier: KeptState) -> None:
        """Probe, obey the fleet, and answer."""
        await self.admin.start(inputs.config.admin, inputs.base)
        if self.fleet is not None:
            await self.fleet.start()  # it connects while endpoints are probed
        await self._observation.start()
        await membership.obey(
            self.fleet, self.generations, self._observation, self._obey, self._publication.ttl_of
        )
        await self.engine.start(await self._publication.first(inputs, earlier))

    def _keep(self) -> None:
        """What goes on for as long as it serves."""
        self.tasks.keep("steering", self._publication.keep, vital=True)
        self.tasks.keep("edits", self.watching.keep)
        self.tasks.keep("load", lambda: self.load.keep(self.counters, self.block_samples))
        self.tasks.keep("state", self._keeper.keep)
        self.tasks.keep("rtt", self.round_trips.keep)
        self.tasks.keep("garbage", FREEZER.keep)
        if self.fleet is not None:
            self.fleet.keep(self.tasks)
        if self.generations is not None:
            self.generations.into(self._adoption, self)
            self.tasks.keep("generations", self.generations.keep)

    async def wait(self) -> ExitCode:
        """Until asked to stop (OK), or until the engine has died (UNAVAILABLE)."""
        stopping = asyncio.create_task(self._stopping.wait())
        ends: set[asyncio.Future[Any]] = {stopping, self.engine.died}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if self._stopping.is_set():
            return ExitCode.OK
        self._log.critical("engine.died", reason=self.engine.died.result())
        return ExitCode.UNAVAILABLE

    async def stop(self) -> None:
        """Stop serving, then probing; within `stop_limits.WHOLE`, whatever hangs."""
        self.ready, began = False, time.monotonic()
        self._supervision.stopping()
        # After these two nothing is confirmed any more; what was is published before `bequeath`.
        await self._adoption.asked.stop()
        if self.engine.died.done():  # it publishes nothing more, and queries wait
            await self._supervision.bequeath()
        await self.admin.stop()
        await self.tasks.stop()
        last_good = [self.generations.stop()] if self.generations is not None else []
        await asyncio.gather(self._publication.settled(), *last_good)
        self._adoption.keep_met()
        await self._supervision.bequeath()
        left = max(0.0, began + stop_limits.DISK_BY - time.monotonic())
        keeping = self._keeper.write(left), self._restoration.kept(left)
        *_, counted = await asyncio.gather(*keeping, last_counted(self.engine))
        await self._abandon()
        self._log.info("stopped", received=dict(counted.received), rcodes=dict(counted.answered))

    async def reload(self, *, accept_losses: bool = False) -> bool:
        """Adopt the files as they are; True if all is served. `accept_losses`: much lost too."""
        return await self._adoption.reload(accept_losses=accept_losses)

    async def forecast(self) -> tuple[Inputs, Difference]:
        """What a reload would serve and change now. Raises ResolverdError."""
        return await self._adoption.forecast()

    def steer_soon(self) -> None:
        """Take a change of `overrides` into account at once."""
        self._dirty.set()

    async def republish(self) -> None:
        """Take verdicts and overrides into account; returns once answers come from them."""
        await (await self._obey())

    async def _obey(self) -> asyncio.Task[None]:
        """The same, though what is kept may be on its way to the disk still: that is given back."""
        written = asyncio.create_task(self._keeper.write())
        await self._publication.republish(lambda: asyncio.wait([written], timeout=_WRITTEN_FIRST))
        await self._supervision.settled()
        return written

    async def _kept_state(self) -> KeptState:
        """How things stand now, for a later process."""
        state = self._publication.kept(await self._observation.kept_state())
        return state if self.fleet is None else replace(state, fleet=self.fleet.words.kept())

    async def _restored(self) -> KeptState:
        """How things stood when the last process ended.

        That `server.state` is unset is said here; that it cannot be written, by the first write.
        """
        trouble = await detached(self.state.try_out)
        if self.state.path is None:  # somebody's choice, and the default of a trial
            self._log.info("state.unset", reason=trouble, consequence=FORGOTTEN)
        return await self._keeper.restore()

    def _news(self) -> None:
        self._dirty.set()
        self._keeper.note()

    def _hang_up(self) -> None:
        if not self.ready:
            self._reload_wanted = True
            return
        self._adoption.asked.soon()

    async def _abandon(self) -> None:
        await self.tasks.stop()
        await self._leave_fleet()
        await self.admin.stop()
        for begun in self._begun:
            await begun.stop()

    async def _leave_fleet(self) -> None:
        if self.fleet is not None:
            await self.fleet.stop()
        elif self.generations is not None:
            await self.generations.link.stop()
