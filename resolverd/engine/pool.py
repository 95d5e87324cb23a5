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
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any, Literal, TypeVar

from resolverd import log
from resolverd.config.types import Listener
from resolverd.engine.block_samples import BlockSamples
from resolverd.engine.counters import Counters
from resolverd.engine.interface import RunLoop
from resolverd.engine.reference import ReferenceEngine
from resolverd.engine.selfcheck import asking
from resolverd.engine.sockets import BoundSockets, together
from resolverd.engine.tcp import TcpLimits
from resolverd.errors import EngineError, ExitCode
from resolverd.ignored_signals import ignore_early, ignore_unmeant
from resolverd.snapshot.model import Plan, Snapshot, Steering
from resolverd.snapshot.verify import Ask
from resolverd.uncancelled import OneByOne, Shared

T = TypeVar("T")
Message = tuple[Literal["plan", "steering", "counters", "blocks", "check"], Any]

# Seconds in which all workers end: those that answer need less, and a service manager waits ten.
STOP_TIMEOUT = 5.0
# Seconds until counters are what was known last: a worker that hangs counts nothing, and neither a
# scrape nor the stop may wait for it without end.
COUNT_TIMEOUT = 2.0
# Seconds in which the kernel ends a process that is killed.
_KILL_TIMEOUT = 1.0


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
        self._counted: list[Counters] = []
        self._one_by_one, self._checks = OneByOne(), Shared()
        # Threads of its own: what hangs elsewhere must not keep it from being published to.
        self._waiting = ThreadPoolExecutor(len(sockets) + 1, "engine")
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
                await self._in_thread(process.start)
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
        """The sum over the workers; as it was last where one does not reply in `COUNT_TIMEOUT`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(COUNT_TIMEOUT):
                self._counted = await self._ask(("counters", None))
        total = Counters()
        for counted in self._counted:
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
        """Let the workers finish; one that has not ended after `STOP_TIMEOUT` is killed."""
        loop = asyncio.get_running_loop()
        for process, pipe in self._workers:
            loop.remove_reader(process.sentinel)
            _hang_up(pipe)
        if late := await self._in_thread(partial(_end, [process for process, _ in self._workers])):
            named = ", ".join(str(process.pid) for process in late)
            reason = f"worker {named} has not ended within {STOP_TIMEOUT:g} s, and is killed"
            self._log.error("engine.late", reason=reason)
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

    async def _exchange(self, message: Message) -> list[Any]:
        """Each worker's reply; returns, or raises EngineError, once none is waited for any more."""
        asked = (self._in_thread(partial(_exchange, pipe, message)) for _, pipe in self._workers)
        replies = await asyncio.gather(*asked, return_exceptions=True)
        try:
            return [_reply(reply) for reply in replies]
        except (EOFError, OSError) as error:
            raise EngineError("a worker process is gone; see its last log lines") from error

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """What `work` returns, from one of the threads that are the engine's own."""
        return await asyncio.get_running_loop().run_in_executor(self._waiting, work)

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


def _hang_up(pipe: Connection) -> None:
    """Tell a worker that nothing more comes, also while a thread of ours waits for its reply.

    A pipe that is closed meanwhile would stay open in that thread, and in a process forked from us.
    """
    with (
        contextlib.suppress(OSError),  # the worker is gone, or was stopped before
        socket.socket(fileno=os.dup(pipe.fileno())) as ours,
    ):
        ours.shutdown(socket.SHUT_WR)


def _end(processes: Sequence[SpawnProcess]) -> list[SpawnProcess]:
    """Wait until these have ended; those that had to be killed."""
    until = time.monotonic() + STOP_TIMEOUT
    for process in processes:
        process.join(max(0.0, until - time.monotonic()))
    late = [process for process in processes if process.is_alive()]
    for process in late:
        process.kill()
    for process in late:
        process.join(_KILL_TIMEOUT)
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
