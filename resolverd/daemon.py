"""The composition root: start order, reload, signals, drain.

Start: load and check everything, bind, probe every endpoint once, steer, verify, serve, and
only then report ready. Reload: the same beside the serving Plan, then swap; any failure
leaves everything as it was and says why. Nothing else in the package knows all the rooms.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resolverd import log
from resolverd.abi.library import why_not
from resolverd.admin.changes import Changes
from resolverd.admin.promises import Promises
from resolverd.admin.served import ReloadReport
from resolverd.admin.server import AdminServer
from resolverd.config.load import Override
from resolverd.config.restart import needs_restart
from resolverd.config.types import Listener
from resolverd.edits import edits
from resolverd.engine.answer import respond
from resolverd.engine.choice import choose
from resolverd.engine.counters import Counters
from resolverd.engine.interface import Engine
from resolverd.engine.make import make_engine
from resolverd.engine.sockets import allow_open_files
from resolverd.engine.tcp import TcpLimits
from resolverd.errors import ExitCode, ProblemsError, ResolverdError
from resolverd.health.addresses import Entry
from resolverd.health.monitor import Monitor
from resolverd.health.overrides import Overrides
from resolverd.health.verdict import Verdict
from resolverd.load import Load
from resolverd.loop import run_loop
from resolverd.observation import Observation
from resolverd.snapshot.compile import Earlier, compile_plan
from resolverd.snapshot.inputs import Inputs, Progress, load_inputs
from resolverd.snapshot.model import Plan, Snapshot, Steering
from resolverd.snapshot.orphans import orphaned, problems_of
from resolverd.snapshot.regions import World
from resolverd.snapshot.steer import steer
from resolverd.snapshot.verify import verify
from resolverd.supervision import Supervision
from resolverd.systemd import Supervisor

# Verdicts that come within this many seconds of one another make one Steering.
GATHER = 0.005
# Seconds between events about a database that is being walked.
WALK_NEWS = 2.0


@dataclass(slots=True)
class _Serving:
    """What is served now, and what it was made from."""

    inputs: Inputs
    plan: Plan
    snapshot: Snapshot


class Daemon:
    """One resolverd. `start`, then `wait`, then `stop`; or `run` for all three."""

    def __init__(
        self,
        path: Path,
        overrides: Sequence[Override] = (),
        supervisor: Supervisor | None = None,
    ) -> None:
        self.ready = False
        self.started = time.time()
        self.reloads = ReloadReport()
        self.promises = Promises()
        self.admin = AdminServer(self)
        self._supervision = Supervision(self, supervisor)
        self.tasks: list[asyncio.Task[None]] = []
        self._path, self._options = path, overrides
        self._stopping = asyncio.Event()
        self._dirty = asyncio.Event()
        self._reloading = asyncio.Lock()
        # Held from the choice of a Snapshot to its publication, so that none goes out late.
        self._publishing = asyncio.Lock()
        self._reload_tasks: set[asyncio.Task[bool]] = set()
        self._plans = itertools.count(1)
        self._steerings = itertools.count(1)
        self._log = log.get("daemon")
        self.engine: Engine
        self._observation: Observation
        self._serving: _Serving

    @property
    def bound(self) -> Sequence[Listener]:
        """Where it really listens."""
        return self.engine.bound

    @property
    def snapshot(self) -> Snapshot:
        """What is served now."""
        return self._serving.snapshot

    @property
    def inputs(self) -> Inputs:
        """What it was made from."""
        return self._serving.inputs

    @property
    def monitor(self) -> Monitor:
        """What probes the endpoints."""
        return self._observation.monitor

    @property
    def overrides(self) -> Overrides:
        """Operators' words on regions and endpoints; call `steer_soon` after a change."""
        return self._observation.overrides

    @property
    def load(self) -> Load:
        """How loaded the regions are, and what follows."""
        return self._observation.load

    @property
    def changes(self) -> Changes:
        """How often states changed."""
        return self._observation.changes

    @property
    def world(self) -> World:
        """What is known now."""
        return self._observation.world()

    @property
    def names(self) -> Mapping[str, Entry]:
        """What is known of each hostname whose addresses are handed out."""
        return self._observation.names()

    @property
    def verdicts(self) -> Mapping[str, Verdict]:
        """What probing says of each target now."""
        return self.monitor.verdicts()

    async def counters(self) -> Counters:
        """What the engine has counted."""
        return await self.engine.counters()

    async def run(self) -> ExitCode:
        """Serve until a signal or the engine's death."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up)
        await self.start()
        try:
            return await self.wait()
        finally:
            await self.stop()

    async def start(self, progress: Progress | None = None) -> None:
        """Come up to ready. Raises ResolverdError with the reason when that cannot be."""
        inputs = await load_inputs(
            self._path, self._options, progress=progress or self._walk_events()
        )
        self._warn(inputs)
        allow_open_files()
        server = inputs.config.server
        choice = choose(server, why_not())
        self._log.info(
            "engine.chosen", engine=choice.engine, workers=choice.workers, why=choice.why
        )
        bound, sockets = self._supervision.sockets(server, choice)
        self.engine = make_engine(choice, bound, sockets, TcpLimits.of(server), run_loop)
        self._observation = Observation(inputs, self._dirty.set)
        try:
            await self.admin.start(inputs.config.admin, inputs.base)
            await self._observation.start()
            plan = await asyncio.to_thread(self._compile, inputs)
            self._serving = _Serving(inputs, plan, Snapshot(plan, self._steer(plan)))
            self._verify(self._serving.snapshot)
            await self.engine.start(self._serving.snapshot)
        except BaseException:
            await self._abandon()
            raise
        self.tasks = [
            asyncio.create_task(self._keep_steering(), name="steering"),
            asyncio.create_task(self._keep_watching(), name="edits"),
            asyncio.create_task(self.load.keep(self.counters), name="load"),
        ]
        self.changes.judged(self.snapshot.steering.regions)
        self.tasks += await self._supervision.ready()
        self.ready = True
        self._log.info(
            "ready",
            engine=self.engine.name,
            listen=[str(listener) for listener in bound],
            generation=plan.generation,
            zones=len(plan.zones),
            services=len(plan.services),
            geo=[source["file"] for source in inputs.locator.describe()],
        )

    async def wait(self) -> ExitCode:
        """Until asked to stop (OK), or until a part that must live has died (UNAVAILABLE)."""
        stopping = asyncio.create_task(self._stopping.wait())
        ends: set[asyncio.Future[Any]] = {stopping, self.engine.died, *self.tasks}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if self._stopping.is_set():
            return ExitCode.OK
        if self.engine.died.done():
            self._log.critical("engine.died", reason=self.engine.died.result())
        for task in self.tasks:
            if task.done() and not task.cancelled():
                self._log.critical("task.died", task=task.get_name(), exc_info=task.exception())
        return ExitCode.UNAVAILABLE

    async def stop(self) -> None:
        """Stop serving, then probing."""
        self.ready = False
        self._supervision.stopping()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        counted = await self.engine.counters() if not self.engine.died.done() else Counters()
        await self._abandon()
        self._log.info("stopped", received=dict(counted.received), rcodes=dict(counted.answered))

    async def reload(self, *, orphan: bool = False) -> bool:
        """Adopt the files as they are now, or leave everything as it was; True if adopted.

        Files that take away what an override speaks of are adopted with `orphan` alone.
        """
        async with self._reloading, self._supervision.reload():
            try:
                inputs = await load_inputs(
                    self._path,
                    self._options,
                    previous=self._serving.inputs,
                    progress=self._walk_events(),
                )
                orphans = orphaned(self.overrides.active(time.monotonic()), inputs)
                if orphans and not orphan:
                    raise ProblemsError(problems_of(orphans, inputs))
                await self._adopt(inputs)
            except ResolverdError as wrong:
                self._refuse(wrong)
                return False
            except Exception as defect:  # noqa: BLE001 - costs this edit, never what is served
                self._log.error("reload.defect", exc_info=defect)
                self._refuse(ResolverdError(f"a defect of resolverd met this edit: {defect!r}"))
                return False
            self._observation.forget_overrides(orphans)
            self.reloads.adopt(inputs.warnings)
            self._warn(inputs)
            self._log.info("reload.adopted", generation=self._serving.plan.generation)
            return True

    def _refuse(self, wrong: ResolverdError) -> None:
        self.reloads.refuse(wrong)
        self._log.error(
            "reload.refused",
            problems=str(wrong).splitlines(),
            serving=self._serving.plan.generation,
            changed="nothing",
        )

    async def _adopt(self, inputs: Inputs) -> None:
        """Probe what is new, compile, verify and swap. Raises ResolverdError, nothing changed."""
        before = self._serving
        earlier = Earlier(before.plan, before.inputs.zones)
        plan = await asyncio.to_thread(self._compile, inputs, earlier)
        await self._observation.admit(before.inputs, inputs)
        try:
            snapshot = Snapshot(plan, self._steer(plan))
            self._verify(snapshot)
        except ResolverdError:
            self._observation.settle(before.inputs)
            raise
        self._warn_of_restart(before.inputs, inputs)
        async with self._publishing:
            await self.engine.publish(snapshot)
            self._serving = _Serving(inputs, plan, snapshot)
            self.promises.retired(before.plan, time.monotonic())
        self._observation.settle(inputs)
        self._dirty.set()

    def _compile(self, inputs: Inputs, previous: Earlier | None = None) -> Plan:
        return compile_plan(
            next(self._plans),
            inputs.config,
            inputs.zones.values(),
            inputs.locator,
            inputs.targets,
            compiled=self.engine.name == "native",
            previous=previous,
        )

    def _steer(self, plan: Plan) -> Steering:
        return steer(next(self._steerings), plan, self.world, time.monotonic())

    def _verify(self, snapshot: Snapshot) -> None:
        scratch = Counters()
        verify(snapshot.plan, lambda packet: respond(packet, "127.0.0.1", snapshot, scratch))

    def steer_soon(self) -> None:
        """Take a change of `overrides` into account at once."""
        self._dirty.set()

    async def _keep_steering(self) -> None:
        """A new Steering after every verdict, and every second while a TTL is moving."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._until_stale()):
                    await self._dirty.wait()
                    await asyncio.sleep(GATHER)
            self._dirty.clear()
            self._observation.expire_overrides()
            await self._restate()

    async def restate(self) -> None:
        """Take verdicts and overrides into account; returns once answers come from them."""
        await self._restate()
        self._dirty.set()  # so that whoever waits for the next change reckons with this one

    async def _restate(self) -> None:
        async with self._publishing:
            serving = self._serving
            self._observation.look(serving.inputs, serving.plan)
            serving.snapshot = Snapshot(serving.plan, self._steer(serving.plan))
            await self.engine.publish(serving.snapshot)
            regions = serving.snapshot.steering.regions
            self.changes.judged(regions)
            self._supervision.restated(regions)

    def _until_stale(self) -> float | None:
        """Seconds until time alone changes the Steering; None while it would not."""
        steering = self._serving.snapshot.steering
        now = time.monotonic()
        moments = [] if steering.settled else [steering.taken_at + steering.staleness]
        known = (
            None if math.isinf(steering.due) or steering.due <= now else steering.due,
            self.overrides.next_expiry(),
            self._observation.shifts.next_look(now, time.time()),
        )
        moments += [moment for moment in known if moment is not None]
        return max(0.0, min(moments) - now) if moments else None

    async def _keep_watching(self) -> None:
        """Reload after every edit that touches a file read, unless it is served already."""
        tried = self._serving.inputs.seen
        while True:
            inputs = self._serving.inputs
            async for _ in edits(inputs.read_directories(), inputs.patterns()):
                async with self._reloading:  # one under way may be adopting this very edit
                    serving = self._serving.inputs
                found = await asyncio.to_thread(serving.on_disk)
                served = found == serving.seen and self.reloads.successful
                if found != tried and not served:
                    tried = found
                    await self.reload()
                if self._serving.inputs is not inputs:
                    break

    def _hang_up(self) -> None:
        task = asyncio.create_task(self.reload())
        self._reload_tasks.add(task)
        task.add_done_callback(self._reload_tasks.discard)

    def _walk_events(self) -> Progress:
        """An event every few seconds while a database is walked."""
        told = time.monotonic()

        def tell(path: Path, fraction: float) -> None:
            nonlocal told
            if time.monotonic() - told >= WALK_NEWS:
                told = time.monotonic()
                self._log.info("geo.walking", file=str(path), percent=round(100 * fraction))

        return tell

    def _warn(self, inputs: Inputs) -> None:
        for problem in inputs.warnings:
            self._log.warning("check.warning", problem=str(problem).splitlines())

    def _warn_of_restart(self, before: Inputs, after: Inputs) -> None:
        for option in needs_restart(before.config, after.config):
            self._log.warning("reload.needs_restart", option=option)

    async def _abandon(self) -> None:
        await self.admin.stop()
        await self.engine.stop()
        await self._observation.stop()
