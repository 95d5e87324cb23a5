"""Several worker processes behind the engine interface, one reference engine in each.

Every worker has sockets of its own on the same ports (SO_REUSEPORT), so the kernel spreads
the clients. Snapshots go down a pipe, counters come back. A worker that dies takes the pool
down at once, with the reason: a half-served host is worse than one that restarts.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any, Literal

from resolverd import log
from resolverd.config.types import Listener
from resolverd.engine.block_samples import BlockSamples
from resolverd.engine.counters import Counters
from resolverd.engine.interface import RunLoop
from resolverd.engine.one_by_one import OneByOne
from resolverd.engine.reference import ReferenceEngine
from resolverd.engine.selfcheck import asking
from resolverd.engine.sockets import BoundSockets, together
from resolverd.engine.tcp import TcpLimits
from resolverd.errors import EngineError, ExitCode
from resolverd.ignored_signals import ignore_early, ignore_unmeant
from resolverd.snapshot.model import Plan, Snapshot, Steering
from resolverd.snapshot.verify import Ask

Message = tuple[Literal["plan", "steering", "counters", "blocks", "check"], Any]


class WorkerPool:
    """An engine of several processes."""

    name = "reference"

    def __init__(
        self,
        bound: Sequence[Listener],
        sockets: Sequence[BoundSockets],
        limits: TcpLimits,
        run: RunLoop = asyncio.run,
    ) -> None:
        self.bound = tuple(bound)
        self.workers = len(sockets)
        self.died: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.sockets, self._limits, self._run = tuple(sockets), limits, run
        self._workers: list[tuple[SpawnProcess, Connection]] = []
        self._plan: Plan | None = None
        self._one_by_one = OneByOne()

    async def start(self, snapshot: Snapshot) -> None:
        """Start the workers; returns when each is answering."""
        context = multiprocessing.get_context("spawn")
        with log.for_workers() as logging:
            for sockets in self.sockets:
                ours, theirs = context.Pipe()
                process = context.Process(
                    target=_worker,
                    args=(self._run, logging, theirs, self.bound, sockets, self._limits),
                )
                await asyncio.to_thread(process.start)
                theirs.close()
                self._workers.append((process, ours))
                asyncio.get_running_loop().add_reader(process.sentinel, self._worker_ended, process)
        await self.publish(snapshot)

    async def staged(self, snapshot: Snapshot) -> Ask:
        """How each worker answers from `snapshot`."""
        return asking(snapshot)

    async def publish(self, snapshot: Snapshot) -> None:
        """Hand a Snapshot to every worker; returns when all of them serve it."""
        await self._one_by_one.run(lambda: self._publish(snapshot))

    async def check(self) -> None:
        """A query that each worker answers to itself. Raises EngineError for those that fail."""
        if faults := [fault for fault in await self._ask(("check", None)) if fault]:
            raise EngineError("; ".join(faults))

    async def counters(self) -> Counters:
        """The sum over the workers."""
        total = Counters()
        for counted in await self._ask(("counters", None)):
            total.add(counted)
        return total

    async def block_samples(self) -> BlockSamples:
        """Those of all workers."""
        taken: list[BlockSamples] = await self._ask(("blocks", None))
        samples = [sample for one in taken for sample in one.samples]
        return BlockSamples(samples, sum(one.dropped for one in taken))

    def again(self) -> ReferenceEngine:
        """One engine on the sockets of all workers, in a forked process."""
        return ReferenceEngine(self.bound, together(self.sockets), self._limits)

    async def stop(self) -> None:
        """Let the workers finish, and wait for them."""
        loop = asyncio.get_running_loop()
        for process, _ in self._workers:
            loop.remove_reader(process.sentinel)
        await self._one_by_one.run(self._close_pipes)
        for process, _ in self._workers:
            await asyncio.to_thread(process.join)
        for sockets in self.sockets:
            sockets.close()
        if not self.died.done():
            self.died.cancel()

    async def _close_pipes(self) -> None:
        for _, pipe in self._workers:
            pipe.close()

    async def _publish(self, snapshot: Snapshot) -> None:
        if snapshot.plan is not self._plan:
            await self._exchange(("plan", snapshot))
            self._plan = snapshot.plan
        else:
            await self._exchange(("steering", snapshot.steering))

    async def _ask(self, message: Message) -> list[Any]:
        """Each worker's reply. Raises EngineError."""
        return await self._one_by_one.run(lambda: self._exchange(message))

    async def _exchange(self, message: Message) -> list[Any]:
        try:
            return await asyncio.gather(
                *(asyncio.to_thread(_exchange, pipe, message) for _, pipe in self._workers)
            )
        except (EOFError, OSError) as error:
            raise EngineError("a worker process is gone; see its last log lines") from error

    def _worker_ended(self, process: SpawnProcess) -> None:
        asyncio.get_running_loop().remove_reader(process.sentinel)
        if not self.died.done():
            self.died.set_result(f"worker {process.pid} ended with exit code {process.exitcode}")


def _exchange(pipe: Connection, message: Message) -> Any:
    pipe.send(message)
    return pipe.recv()


def _worker(
    run: RunLoop,
    logging: log.ForWorkers,
    pipe: Connection,
    bound: Sequence[Listener],
    sockets: BoundSockets,
    limits: TcpLimits,
) -> None:
    ignore_early()
    log.in_worker(logging)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides, and closes the pipe
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with log.everything():
        run(_serve(pipe, bound, sockets, limits))


async def _fault(engine: ReferenceEngine) -> str:
    try:
        await engine.check()
    except EngineError as error:
        return f"worker {os.getpid()}: {error}"
    return ""


def _die(died: asyncio.Future[str]) -> None:
    """Leave at once, so that the parent notices; nothing here can be saved."""
    if not died.cancelled():
        log.get("engine").critical("engine.died", reason=died.result())
        os._exit(ExitCode.INTERNAL)


async def _serve(
    pipe: Connection, bound: Sequence[Listener], sockets: BoundSockets, limits: TcpLimits
) -> None:
    """Carry out what the pipe asks for until it closes."""
    ignore_unmeant()
    engine = ReferenceEngine(bound, sockets, limits)
    engine.died.add_done_callback(_die)
    serving: Snapshot | None = None
    while True:
        try:
            kind, content = await asyncio.to_thread(pipe.recv)
        except (EOFError, OSError):  # the daemon has stopped, or was killed
            break
        reply: Counters | BlockSamples | str | None = None
        if kind == "plan":
            await (engine.publish(content) if serving else engine.start(content))
            serving = content
        elif kind == "steering" and serving:
            steering: Steering = content
            serving = Snapshot(serving.plan, steering)
            await engine.publish(serving)
        elif kind == "counters":
            reply = await engine.counters()
        elif kind == "blocks":
            reply = await engine.block_samples()
        elif kind == "check":
            reply = await _fault(engine)
        try:
            pipe.send(reply)
        except OSError:  # it was killed, and what is read here is to be answered all the same
            break
    if serving:
        await engine.stop()
