"""Several worker processes behind the engine interface, one reference engine in each.

Every worker has sockets of its own on the same ports (SO_REUSEPORT), so the kernel spreads
the clients. Snapshots go down a pipe, counters come back. A worker that dies takes the pool
down at once, with the reason: a half-served host is worse than one that restarts.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Sequence
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any, Literal

from resolverd import log, stop_limits
from resolverd.config.types import Listener
from resolverd.engine.block_samples import BlockSamples
from resolverd.engine.counters import Counters
from resolverd.engine.interface import LateReplyError, RunLoop
from resolverd.engine.own_threads import OwnThreads
from resolverd.engine.reference import ReferenceEngine
from resolverd.engine.selfcheck import asking
from resolverd.engine.sockets import BoundSockets, together
from resolverd.engine.tcp import TcpLimits
from resolverd.errors import EngineError, ExitCode
from resolverd.ignored_signals import ignore_early, ignore_unmeant
from resolverd.snapshot.model import Plan, Snapshot, Steering
from resolverd.snapshot.verify import Ask
from resolverd.uncancelled import OneByOne, Shared

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
        self._counted = Counters()
        self._one_by_one, self._checks = OneByOne(), Shared()
        self._own = OwnThreads(len(sockets) + 1)
        self._log = log.get("engine")

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
                await self._own.run(process.start)
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
        """A query that each worker answers to itself. Raises EngineError for those that fail.

        Those who ask meanwhile share it.
        """
        found = await self._checks.run(lambda: self._ask(("check", None)))
        if faults := [fault for fault in found if fault]:
            raise EngineError("; ".join(faults))

    async def counters(self) -> Counters:
        """The sum over the workers."""
        replies: list[Counters] = await self._ask_in_time(("counters", None))
        total = Counters()
        for counted in replies:
            total.add(counted)
        self._counted = total
        return total

    async def block_samples(self) -> BlockSamples:
        """Those of all workers."""
        taken: list[BlockSamples] = await self._ask_in_time(("blocks", None))
        samples = [sample for one in taken for sample in one.samples]
        return BlockSamples(samples, sum(one.dropped for one in taken))

    def again(self) -> ReferenceEngine:
        """One engine on the sockets of all workers, in a forked process."""
        return ReferenceEngine(self.bound, together(self.sockets), self._limits)

    async def stop(self) -> None:
        """Let the workers finish; one that has not ended in time is killed."""
        loop = asyncio.get_running_loop()
        for process, pipe in self._workers:
            loop.remove_reader(process.sentinel)
            _hang_up(pipe, socket.SHUT_WR)
        if late := await self._own.run(partial(_end, [process for process, _ in self._workers])):
            named = ", ".join(str(process.pid) for process in late)
            reason = f"worker {named} has not ended within {stop_limits.ENGINE:g} s, and is killed"
            self._log.error("engine.late", reason=reason)
        for _, pipe in self._workers:
            _hang_up(pipe, socket.SHUT_RDWR)  # of one that no kill ends, no reply is waited for
        await self._one_by_one.run(self._close_pipes)
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

    async def _ask_in_time(self, message: Message) -> list[Any]:
        """The same, but for whoever may not wait for a worker that hangs: see LateReplyError."""
        try:
            async with asyncio.timeout(stop_limits.COUNTS):
                return await self._ask(message)
        except TimeoutError as late:
            raise LateReplyError(stop_limits.COUNTS, self._counted) from late

    async def _exchange(self, message: Message) -> list[Any]:
        """Each worker's reply; returns, or raises EngineError, once none is waited for any more."""
        asked = (self._own.run(partial(_exchange, pipe, message)) for _, pipe in self._workers)
        replies = await asyncio.gather(*asked, return_exceptions=True)
        try:
            return [_reply(reply) for reply in replies]
        except (EOFError, OSError) as error:
            raise EngineError("a worker process is gone; see its last log lines") from error

    def _worker_ended(self, process: SpawnProcess) -> None:
        asyncio.get_running_loop().remove_reader(process.sentinel)
        if not self.died.done():
            self.died.set_result(f"worker {process.pid} ended with exit code {process.exitcode}")


def _exchange(pipe: Connection, message: Message) -> Any:
    pipe.send(message)
    return pipe.recv()


def _reply(reply: Any) -> Any:
    if isinstance(reply, BaseException):
        raise reply
    return reply


def _hang_up(pipe: Connection, how: int) -> None:
    """Tell a worker that nothing more comes, also while a thread of ours waits for its reply.

    A pipe that is closed meanwhile would stay open in that thread, and in a process forked from us.
    `how` is shutdown(2)'s. No descriptor is needed for it, as there may be none left.
    """
    with contextlib.suppress(OSError):  # the worker is gone, or was stopped before
        ours = socket.socket(fileno=pipe.fileno())
        try:
            ours.shutdown(how)
        finally:
            ours.detach()  # the descriptor is the pipe's


def _end(processes: Sequence[SpawnProcess]) -> list[SpawnProcess]:
    """Wait until these have ended; those that had to be killed."""
    until = time.monotonic() + stop_limits.ENGINE
    for process in processes:
        process.join(max(0.0, until - time.monotonic()))
    late = [process for process in processes if process.is_alive()]
    for process in late:
        process.kill()
    until = time.monotonic() + stop_limits.KILL
    for process in late:
        process.join(max(0.0, until - time.monotonic()))
    return late


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
