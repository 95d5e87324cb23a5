"""What is served, and the Steering that keeps up with the world.

A `Publication` holds the inputs, the Plan and the Snapshot in service. `adopt` replaces all three;
`keep` replaces the Steering after every verdict, and each second while a TTL is moving. One goes
after the other, so that no Snapshot goes out late; and to its end, whoever is cancelled meanwhile,
so that what clients are answered from is known here. Each moment is judged once: the World that a
Steering is made from is the one that `world` gives to whoever asks.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import NamedTuple, Protocol

from resolverd import stop_limits
from resolverd.collector import FREEZER
from resolverd.config.fences import fences
from resolverd.engine.interface import Engine
from resolverd.files.threads import detached
from resolverd.kept.document import KeptState
from resolverd.observation import Observation
from resolverd.snapshot.compile import Earlier, compile_plan
from resolverd.snapshot.held import History
from resolverd.snapshot.inputs import Inputs
from resolverd.snapshot.kept_maps import KeptMaps
from resolverd.snapshot.model import Plan, Snapshot, Steering
from resolverd.snapshot.precompile import Precompilation
from resolverd.snapshot.regions import World
from resolverd.snapshot.steer import KnownAnswers, stale_at, steer
from resolverd.snapshot.ttl_ledger import TtlLedger
from resolverd.snapshot.unserved import Outages
from resolverd.snapshot.verify import Ask, verify
from resolverd.uncancelled import OneByOne

# Verdicts that come within this many seconds of one another make one Steering.
GATHER = 0.005
# How old the reasons of verdicts may be, in seconds, that those who read the World are given.
REFRESH = 1.0


class Verified(NamedTuple):
    """A Snapshot that may be served, and the World that its Steering was made from.

    While `ask` is held, the engine has its Plan loaded.
    """

    snapshot: Snapshot
    world: World
    ask: Ask


class Followers(Protocol):
    """Those who hear of each Snapshot: whoever may answer next, before; a supervisor, after."""

    async def prepare(self, snapshot: Snapshot) -> None:
        """A Plan of its own is about to be served."""

    def serving_soon(self, snapshot: Snapshot) -> None:
        """This is served in a moment: nobody may answer next from what was before."""

    def republished(self) -> None:
        """A Steering has been published; `snapshot` has how the regions stand now."""


class Publication:
    """Snapshots of what `observation` sees, published to `engine`; `followers` hear of each.

    Compiled maps that were kept in `maps`, or begun by `precompilation`, are taken from there.

    `inputs`, `plan`, `snapshot` and its `outages` are there from `first` on.
    """

    def __init__(
        self,
        engine: Engine,
        observation: Observation,
        dirty: asyncio.Event,
        ttl_ledger: TtlLedger,
        followers: Followers,
        maps: KeptMaps,
        precompilation: Precompilation,
    ) -> None:
        self.inputs: Inputs
        self.plan: Plan
        self.snapshot: Snapshot
        self.outages = Outages()
        self._world: World
        self._answers: KnownAnswers = {}
        self._staged: Ask
        self._engine, self._observation, self._dirty = engine, observation, dirty
        self._ttl_ledger, self._followers = ttl_ledger, followers
        self._maps, self._precompilation = maps, precompilation
        # From the choice of a Snapshot to what follows from its publication.
        self._publishing = OneByOne()
        self._coming: Snapshot | None = None
        self._plans, self._steerings = itertools.count(1), itertools.count(1)

    async def first(self, inputs: Inputs, earlier: KeptState) -> Snapshot:
        """The Snapshot to start with, verified; the engine is handed it by whoever starts that.

        It goes on with what an `earlier` process has kept of what it answered.
        """
        self._ttl_ledger.resume(earlier.given_ttls)
        histories = {service: History(known) for service, known in earlier.histories.items()}
        # No thread that the end of the process would wait for, as a signal may come meanwhile.
        plan = await detached(partial(self._compile, inputs))
        world = self._observation.tick(inputs, plan, time.monotonic())
        self._serve(inputs, plan, await self._verified(inputs, plan, world, histories))
        return self.snapshot

    @property
    def compiled(self) -> bool:
        """Whether answers come from compiled maps, and none from a database itself."""
        return self._engine.name == "native"

    def kept(self, state: KeptState) -> KeptState:
        """`state` with what a later process goes on with of what was answered."""
        histories = {service: own.segments for service, own in self.histories.items()}
        given = self._ttl_ledger.given(self.plan, time.monotonic())
        return replace(state, histories=histories, given_ttls=given)

    @property
    def histories(self) -> Mapping[str, History]:
        """What the decisions of sticky services have rested on, up to what is served."""
        return self.snapshot.steering.histories

    def ttl_of(self, region: str) -> float:
        """Seconds for which an answer given so far that names `region` may live, at most."""
        return self._ttl_ledger.longest_ttl(self.plan, region, time.monotonic())

    async def compile(self, inputs: Inputs) -> Plan:
        """The Plan of `inputs`, made in a thread with what is served now as a start."""
        earlier = Earlier(self.plan, self.inputs.zones)
        return await detached(partial(self._compile, inputs, earlier))

    async def verified(self, inputs: Inputs, plan: Plan) -> Verified:
        """A Snapshot of `plan`, which is that of `inputs`, in the world as it is.

        Raises ResolverdError for what is wrong with it in the engine that would serve it.
        """
        world = self._observation.seen(plan, time.monotonic())
        return await self._verified(inputs, plan, world, self.histories)

    def world(self) -> World:
        """The World that answers come from, with its regions judged; asking changes nothing.

        Where no change waits to be served, it carries what probes have said since of verdicts that
        stand; else nothing that is newer than the answers.
        """
        now, judgement = time.monotonic(), self._world.judgement
        waits = self._dirty.is_set() or self._publishing.busy
        if judgement is not None and not waits and now - judgement.at >= REFRESH:
            self._world = self._observation.seen(self.plan, now)
        return self._world

    async def adopt(self, inputs: Inputs, plan: Plan, verified: Verified) -> None:
        """Serve these from now on, in the world as it has become since they were verified."""
        await self._followers.prepare(verified.snapshot)
        await self._publishing.run(partial(self._adopt, inputs, plan, verified))

    async def settled(self) -> None:
        """Return once `snapshot` is what clients are answered from; for the end of the process.

        Of an engine that takes longer, some may be answered from what it is handed: it counts.
        """
        try:
            async with asyncio.timeout(stop_limits.SETTLE):
                await self._publishing.settled()
        except TimeoutError:
            self.snapshot = self._coming or self.snapshot

    async def keep(self) -> None:
        """A new Steering after every verdict, and every second while a TTL is moving."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._until_stale()):
                    await self._dirty.wait()
                    await asyncio.sleep(GATHER)
            self._dirty.clear()
            try:
                await self._publishing.run(self._republish)
            except BaseException:
                self._dirty.set()  # what is begun again has it to publish still
                raise

    async def republish(self, first: Callable[[], Awaitable[object]] | None = None) -> None:
        """Take verdicts and overrides into account; returns once answers come from them.

        `first` is waited for, and nothing is published until then. Raises EngineError.
        """
        try:
            await self._publishing.run(partial(self._republish, first))
        finally:
            # `keep` waits for the next change with this one reckoned with, and publishes what this
            # could not.
            self._dirty.set()

    async def _adopt(self, inputs: Inputs, plan: Plan, verified: Verified) -> None:
        before, now = self.plan, time.monotonic()
        world = self._observation.seen(plan, now)
        snapshot = Snapshot(plan, self._steer(plan, world, now, self.histories))
        await self._publish(snapshot)
        self._serve(inputs, plan, verified._replace(snapshot=snapshot, world=world))
        self._ttl_ledger.retire(before, time.monotonic())

    async def _republish(self, first: Callable[[], Awaitable[object]] | None = None) -> None:
        if first is not None:
            await first()
        now = time.monotonic()
        world = self._observation.tick(self.inputs, self.plan, now)
        snapshot = Snapshot(
            self.plan, self._steer(self.plan, world, now, self.histories, self._answers)
        )
        await self._publish(snapshot)
        # Only now: who asks while the engine is handed a table hears what it still answers.
        self.snapshot, self._world = snapshot, world
        regions = self.snapshot.steering.regions
        self.outages = self.outages.updated(self.outages.fences, regions.values())
        self._observation.transitions.record_regions(regions, self.outages)
        self._followers.republished()

    async def _publish(self, snapshot: Snapshot) -> None:
        self._followers.serving_soon(snapshot)
        self._coming = snapshot
        try:
            await self._engine.publish(snapshot)
        finally:
            self._coming = None

    def _compile(self, inputs: Inputs, previous: Earlier | None = None) -> Plan:
        try:
            return compile_plan(
                next(self._plans),
                inputs.config,
                inputs.zones.values(),
                inputs.locator,
                inputs.targets,
                compiled=self.compiled,
                previous=previous,
                measured=inputs.tables.measured,
                kept=self._maps,
                precompiled=self._precompilation.take,
            )
        finally:
            inputs.locator.rest()

    async def _verified(
        self, inputs: Inputs, plan: Plan, world: World, histories: Mapping[str, History]
    ) -> Verified:
        snapshot = Snapshot(plan, self._steer(plan, world, time.monotonic(), histories))
        ask = await self._engine.staged(snapshot)
        config = inputs.config
        pinned = [subnet for pin in config.pin.values() for subnet in pin.subnets]
        pinned += [subnet for place in config.place.values() for subnet in place.subnets]
        # It may take a second of CPU, and answers' TTLs and verdicts go on meanwhile.
        await detached(partial(verify, snapshot, ask, pinned))
        return Verified(snapshot, world, ask)

    def _serve(self, inputs: Inputs, plan: Plan, verified: Verified) -> None:
        self.inputs, self.plan = inputs, plan
        self.snapshot, self._world, self._staged = verified
        regions = self.snapshot.steering.regions.values()
        self.outages = self.outages.updated(fences(inputs.config), regions)
        FREEZER.changed(time.monotonic())

    def _steer(
        self,
        plan: Plan,
        world: World,
        now: float,
        histories: Mapping[str, History],
        answers: KnownAnswers | None = None,
    ) -> Steering:
        return steer(next(self._steerings), plan, world, now, histories, time.time(), answers)

    def _until_stale(self) -> float | None:
        """Seconds until time alone changes the Steering; None while it would not."""
        now = time.monotonic()
        known = (
            stale_at(self.snapshot.steering),
            self._observation.overrides.next_expiry(),
            self._observation.spill_rules.next_expiry(),
            self._observation.service_windows.next_check(now, time.time()),
        )
        moments = [moment for moment in known if moment is not None and moment < math.inf]
        return max(0.0, min(moments) - now) if moments else None
