"""The fast engine: threads of the native library, each with sockets of its own.

A thread never waits for Python: a Snapshot is turned into tables here, in another thread of
Python's, and swapped in between two batches of packets. What the threads report, a failure
or samples of the query log, comes by a descriptor that the event loop watches.
"""

from __future__ import annotations

import asyncio
import sys
import weakref
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from ipaddress import ip_address

from resolverd import log, stop_limits
from resolverd.abi.contract import SocketKind
from resolverd.abi.engine import EngineThreads, WorkerSocket
from resolverd.abi.tables import Asker, PlanTables, SnapshotTables
from resolverd.config.types import Listener
from resolverd.engine.block_samples import CAPACITY, BlockSample, BlockSamples
from resolverd.engine.counter_slots import CounterSlots
from resolverd.engine.counters import Counters
from resolverd.engine.image import plan_image, steering_image
from resolverd.engine.image_kept import KeptImage
from resolverd.engine.own_threads import OwnThreads
from resolverd.engine.querylog import Sent, described
from resolverd.engine.sockets import BoundSockets, enable_pktinfo
from resolverd.engine.states_kept import KeptStates
from resolverd.engine.tcp import TcpLimits
from resolverd.errors import EngineError
from resolverd.files.threads import detached
from resolverd.precedence import stand_back
from resolverd.snapshot.model import Plan, Snapshot
from resolverd.snapshot.verify import Ask
from resolverd.uncancelled import OneByOne, Shared

# Seconds in which a thread takes a Snapshot, or answers itself. It needs milliseconds: with
# much less a busy host fails, with much more a thread that hangs is noticed late.
PUBLISH_TIMEOUT = 10.0
CHECK_TIMEOUT = 2.0
# Samples logged before other events of the loop have their turn: more would delay those.
_SAMPLES_PER_TURN = 50
# Python's threads that wait for the library: one each for a publication, a check and the stop.
_WAITING = 3


class _Staged:
    """A Snapshot in the library that nobody is answered from, for as long as it is held."""

    def __init__(self, plan: Plan, tables: PlanTables, snapshot: SnapshotTables) -> None:
        self.plan, self.tables = plan, tables
        self._snapshot, self._asker = snapshot, Asker()

    def ask(self, packet: bytes, source: str) -> bytes | None:
        """The response to a packet from the address `source`, over TCP."""
        return self._asker.respond(packet, _packed(source), self._snapshot, tcp=True)


@lru_cache(maxsize=1024)
def _packed(address: str) -> bytes:
    """The octets of an address, of which a Plan is asked about from few, and many times."""
    return ip_address(address).packed


class NativeEngine:
    """Serves in threads of its own, on sockets that are bound already, one set for each."""

    name = "native"

    def __init__(
        self, bound: Sequence[Listener], sockets: Sequence[BoundSockets], limits: TcpLimits
    ) -> None:
        self.bound = tuple(bound)
        self.workers = len(sockets)
        self.died: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.sockets, self._limits = tuple(sockets), limits
        self._slots = CounterSlots()
        self._plan: tuple[Plan, PlanTables] | None = None
        self._image: KeptImage | None = None
        self._states = KeptStates()
        self._staged: Callable[[], _Staged | None] = lambda: None
        self._one_by_one, self._checks = OneByOne(), Shared()
        self._own = OwnThreads(_WAITING)
        self._threads: EngineThreads | None = None
        self._samples_dropped = 0
        self._log = log.get("engine")

    async def start(self, snapshot: Snapshot) -> None:
        """Begin to answer; returns when every thread does. Raises EngineError."""
        tables = await self._own.run(partial(self._tables, snapshot))
        limits = self._limits
        self._threads = EngineThreads(
            list(self._worker_sockets()),
            tables,
            idle=limits.idle,
            lifetime=limits.lifetime,
            connections=limits.connections,
            per_client=limits.per_client,
        )
        asyncio.get_running_loop().add_reader(self._threads.event_fd, self._handle_events)
        stand_back()
        await self.check()

    async def staged(self, snapshot: Snapshot) -> Ask:
        """What the library answers from `snapshot`. Raises EngineError where it is refused."""
        staged = await self._one_by_one.run(lambda: detached(partial(self._stage, snapshot)))
        return staged.ask

    async def publish(self, snapshot: Snapshot) -> None:
        """Answer every later packet from `snapshot`. Raises EngineError when a thread does not."""
        await self._one_by_one.run(lambda: self._own.run(partial(self._publish, snapshot)))

    async def check(self) -> None:
        """Have every thread answer a query to itself. Raises EngineError if one does not.

        The library takes one command at a time, so those who ask while one is checked for
        `CHECK_TIMEOUT` share that check: a publication waits for one of them at most.
        """
        check = partial(self._running.check, CHECK_TIMEOUT)
        await self._checks.run(lambda: self._own.run(check))

    async def counters(self) -> Counters:
        """What was counted so far, all threads together."""
        if self._threads is None:
            return Counters()
        return self._slots.counters(self._threads.counted(self._slots.used))

    async def block_samples(self) -> BlockSamples:
        """The samples of blocks since this was asked."""
        threads, found = self._threads, list[BlockSample]()
        if threads is None:
            return BlockSamples(found)
        for _ in range(self.workers):  # as many as they have room for, and none that come meanwhile
            dropped, numbers = threads.blocks(CAPACITY)
            found += self._slots.block_samples(numbers)
            if len(numbers) < 2 * CAPACITY:
                break
        since, self._samples_dropped = dropped - self._samples_dropped, dropped
        return BlockSamples(found, since)

    def again(self) -> NativeEngine:
        """Another one on the same sockets in a forked process, with the Plans that are loaded."""
        made = NativeEngine(self.bound, self.sockets, self._limits)
        made._plan, made._staged, made._slots = self._plan, self._staged, self._slots
        made._image = self._image
        return made

    async def stop(self) -> None:
        """Answer what was read and close the sockets; what was not read waits in them."""
        threads = self._threads
        if threads is not None:
            asyncio.get_running_loop().remove_reader(threads.event_fd)
            try:
                # A thread that hangs may have had an order before, which is waited for first.
                async with asyncio.timeout(stop_limits.ENGINE + stop_limits.KILL):
                    await self._own.run(partial(threads.stop, stop_limits.ENGINE))
            except EngineError as error:
                self._log.error("engine.late", reason=str(error))
            except TimeoutError:
                reason = "a thread that has not carried out its last order cannot be told to end"
                self._log.error("engine.late", reason=reason)
            self._log_samples(sys.maxsize)
        for sockets in self.sockets:
            sockets.close()
        if not self.died.done():
            self.died.cancel()

    @property
    def _running(self) -> EngineThreads:
        if self._threads is None:
            raise EngineError("the native engine has not started")
        return self._threads

    def _publish(self, snapshot: Snapshot) -> None:
        self._running.publish(self._tables(snapshot), PUBLISH_TIMEOUT)

    def _tables(self, snapshot: Snapshot) -> SnapshotTables:
        """The Snapshot in the library; a Plan that it has already is not loaded again."""
        plan, steering = snapshot
        if self._plan is None or self._plan[0] is not plan:
            self._plan = plan, self._loaded(plan)
        image = steering_image(steering, plan, self._states)
        return SnapshotTables(self._plan[1], image)

    def _loaded(self, plan: Plan) -> PlanTables:
        staged = self._staged()
        if staged is not None and staged.plan is plan:
            return staged.tables
        image, maps, self._image = plan_image(plan, self._slots, self._image)
        return PlanTables(image, maps, None if self._plan is None else self._plan[1])

    def _stage(self, snapshot: Snapshot) -> _Staged:
        plan, steering = snapshot
        known = self._plan[1] if self._plan is not None and self._plan[0] is plan else None
        tables = known or self._loaded(plan)
        staged = _Staged(plan, tables, SnapshotTables(tables, steering_image(steering, plan)))
        self._staged = weakref.ref(staged)
        return staged

    def _worker_sockets(self) -> Iterator[WorkerSocket]:
        for worker, sockets in enumerate(self.sockets):
            shared = SocketKind.SHARED if sockets.shared else SocketKind.UDP
            for udp in sockets.udp:
                kind = SocketKind.UDP_PKTINFO if enable_pktinfo(udp) else SocketKind.UDP
                yield WorkerSocket(worker, kind | shared, udp.dup().detach())
            for tcp in sockets.tcp:
                yield WorkerSocket(worker, SocketKind.TCP | shared, tcp.dup().detach())

    def _handle_events(self) -> None:
        """Take a failure and the samples of the query log that the threads have for us."""
        self._running.clear_events()
        if (failure := self._running.failure()) and not self.died.done():
            self.died.set_result(failure)
        self._log_samples(_SAMPLES_PER_TURN)

    def _log_samples(self, limit: int) -> None:
        threads = self._running
        for _ in range(limit):
            sample = threads.sample()
            if sample is None:
                break
            sent = Sent(*sample.answer) if sample.answer else None
            self._log.info("query", **described(sample.packet, sample.source, sent, tcp=sample.tcp))
        else:
            asyncio.get_running_loop().call_soon(self._log_samples, limit)
        if dropped := threads.samples_dropped():
            self._log.warning("samples.dropped", query_count=dropped)
