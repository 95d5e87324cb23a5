"""What is served, and the Steering that keeps up with the world.

A `Publication` holds the inputs, the Plan and the Snapshot in service. `adopt` replaces all three;
`keep` replaces the Steering after every verdict, and each second while a TTL is moving. One lock
orders the two, so that no Snapshot goes out late.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import time
from collections.abc import Callable, Mapping
from functools import partial

from resolverd.admin.promises import Promises
from resolverd.engine.answer import respond
from resolverd.engine.counters import Counters
from resolverd.engine.interface import Engine
from resolverd.files.threads import detached
from resolverd.observation import Observation
from resolverd.snapshot.compile import Earlier, compile_plan
from resolverd.snapshot.inputs import Inputs
from resolverd.snapshot.model import JudgedRegion, Plan, Snapshot, Steering
from resolverd.snapshot.steer import steer
from resolverd.snapshot.verify import verify

# Verdicts that come within this many seconds of one another make one Steering.
GATHER = 0.005


class Publication:
    """Snapshots of what `observation` sees, published to `engine`; `restated` hears of each.

    `inputs`, `plan` and `snapshot` are there from `first` on.
    """

    def __init__(
        self,
        engine: Engine,
        observation: Observation,
        dirty: asyncio.Event,
        promises: Promises,
        restated: Callable[[Mapping[str, JudgedRegion]], None],
    ) -> None:
        self.inputs: Inputs
        self.plan: Plan
        self.snapshot: Snapshot
        self._engine, self._observation, self._dirty = engine, observation, dirty
        self._promises, self._restated = promises, restated
        # Held from the choice of a Snapshot to its publication.
        self._publishing = asyncio.Lock()
        self._plans, self._steerings = itertools.count(1), itertools.count(1)

    async def first(self, inputs: Inputs) -> Snapshot:
        """The Snapshot to start with, verified; the engine is handed it by whoever starts that."""
        # No thread that the end of the process would wait for, as a signal may come meanwhile.
        plan = await detached(partial(self._compile, inputs))
        self.inputs, self.plan, self.snapshot = inputs, plan, self.verified(plan)
        return self.snapshot

    async def compile(self, inputs: Inputs) -> Plan:
        """The Plan of `inputs`, made in a thread with what is served now as a start."""
        earlier = Earlier(self.plan, self.inputs.zones)
        return await asyncio.to_thread(self._compile, inputs, earlier)

    def verified(self, plan: Plan) -> Snapshot:
        """A Snapshot of `plan` and the world as it is. Raises ResolverdError for what is wrong."""
        snapshot, scratch = Snapshot(plan, self._steer(plan)), Counters()
        verify(snapshot.plan, lambda packet: respond(packet, "127.0.0.1", snapshot, scratch))
        return snapshot

    async def adopt(self, inputs: Inputs, plan: Plan, snapshot: Snapshot) -> None:
        """Serve these from now on."""
        async with self._publishing:
            before = self.plan
            await self._engine.publish(snapshot)
            self.inputs, self.plan, self.snapshot = inputs, plan, snapshot
            self._promises.retired(before, time.monotonic())

    async def keep(self) -> None:
        """A new Steering after every verdict, and every second while a TTL is moving."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._until_stale()):
                    await self._dirty.wait()
                    await asyncio.sleep(GATHER)
            self._dirty.clear()
            self._observation.expire_overrides()
            await self.restate()

    async def restate(self) -> None:
        """Take verdicts and overrides into account; returns once answers come from them."""
        async with self._publishing:
            self._observation.look(self.inputs, self.plan)
            self.snapshot = Snapshot(self.plan, self._steer(self.plan))
            await self._engine.publish(self.snapshot)
            regions = self.snapshot.steering.regions
            self._observation.changes.judged(regions)
            self._restated(regions)

    def _compile(self, inputs: Inputs, previous: Earlier | None = None) -> Plan:
        return compile_plan(
            next(self._plans),
            inputs.config,
            inputs.zones.values(),
            inputs.locator,
            inputs.targets,
            compiled=self._engine.name == "native",
            previous=previous,
        )

    def _steer(self, plan: Plan) -> Steering:
        return steer(next(self._steerings), plan, self._observation.world(), time.monotonic())

    def _until_stale(self) -> float | None:
        """Seconds until time alone changes the Steering; None while it would not."""
        steering = self.snapshot.steering
        now = time.monotonic()
        moments = [] if steering.settled else [steering.taken_at + steering.staleness]
        known = (
            None if math.isinf(steering.due) or steering.due <= now else steering.due,
            self._observation.overrides.next_expiry(),
            self._observation.shifts.next_check(now, time.time()),
        )
        moments += [moment for moment in known if moment is not None]
        return max(0.0, min(moments) - now) if moments else None
