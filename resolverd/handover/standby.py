"""The standby: a fork of the daemon that waits, and answers once the daemon does not.

It is a fork, not a new program: it has Plan, tables and code of the daemon in memory, whatever an
upgrade has made of the files, and answers some milliseconds after the daemon was killed. `Latest`
has the Steering. Of the daemon it keeps the sockets, the channel and the log; every other
descriptor is closed, so that connections of the daemon end when the daemon ends them, and its
ports are free for the next.

`answering` is what it does from then on.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
import time
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

from resolverd import log
from resolverd.engine.interface import Engine
from resolverd.errors import EngineError, ExitCode
from resolverd.handover.answering import RunLoop, answer
from resolverd.handover.latest import Latest
from resolverd.handover.leftovers import STANDBY
from resolverd.snapshot.model import Snapshot

# Seconds in which it answers once it is to, or is given up.
_START = 5.0
# Seconds that a process takes to end once its files are closed.
_DYING = 1.0
_FIRST_DESCRIPTOR = 3
# What it is told, and says. That nothing can be told any more means that the daemon is dead.
_ANSWER = b"a"
_ANSWERS = b"+"


class Standby:
    """The daemon's side: `plan` is what it would answer from, with the Steering last `updated`."""

    def __init__(self, engine: Engine, snapshot: Snapshot, channel: socket.socket) -> None:
        """Nothing is forked yet. `channel` is the daemon's end. Raises OSError."""
        self.plan = snapshot.plan
        self.pid = 0
        self._ended = True
        self._engine, self._snapshot, self._channel = engine, snapshot, channel
        self._latest = Latest()
        self._told, self._tell = os.pipe()
        self._heard, self._hear = os.pipe()
        self.update(snapshot)

    async def start(self, run: RunLoop) -> None:
        """Fork, from a thread where no event loop is running; `run` runs one. Raises OSError."""
        try:
            self.pid = await asyncio.to_thread(self._fork, run)
            self._ended = False
        except OSError:
            self.dismiss()
            raise
        finally:
            os.close(self._told)
            os.close(self._hear)

    def update(self, snapshot: Snapshot) -> None:
        """Answer from this, where it is of the same Plan."""
        if snapshot.plan is self.plan:
            self._latest.write(snapshot.steering)

    async def answer(self) -> None:
        """Have it answer; returns once it does. Raises EngineError when it does not."""
        try:
            os.write(self._tell, _ANSWER)
            async with asyncio.timeout(_START):
                heard = await self._listen()
        except TimeoutError as late:
            raise EngineError(f"it did not answer within {_START:g} s") from late
        except OSError as wrong:
            raise EngineError(f"it is gone: {wrong.strerror}") from wrong
        if heard != _ANSWERS:
            raise EngineError("it ended before it answered; see its log lines")

    def dismiss(self) -> None:
        """End it, while it waits: then it has nothing to lose."""
        if self.alive:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self._tell)
        os.close(self._heard)
        self._latest.close()

    @property
    def alive(self) -> bool:
        """Whether it runs; one that does not is reaped, and its PID may be another's from then."""
        if not self._ended:
            self._ended = os.waitpid(self.pid, os.WNOHANG) != (0, 0)
        return not self._ended

    async def _listen(self) -> bytes:
        """What it says, or nothing when it is gone."""
        readable = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._heard, readable.set)
        try:
            await readable.wait()
        finally:
            loop.remove_reader(self._heard)
        return os.read(self._heard, 1)

    def _fork(self, run: RunLoop) -> int:
        with warnings.catch_warnings():
            # From Python 3.12 on, of other threads: they are not there in the fork, and nothing
            # that they may have locked is used but what Python and libc make anew after a fork.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            self._live(run)
        return pid

    def _live(self, run: RunLoop) -> NoReturn:
        """All that the forked process does."""
        status, parent = ExitCode.INTERNAL, os.getppid()
        try:
            log.in_fork()  # first, for another thread may have held a lock of the log
            Path("/proc/self/comm").write_text(STANDBY)
            gc.freeze()  # what was the parent's is never finalised here
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            for number in (signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            sockets = [each for s in self._engine.sockets for each in (*s.udp, *s.tcp)]
            kept = [each.fileno() for each in (*sockets, self._channel, sys.stdout, sys.stderr)]
            _close_all_but([*kept, self._told, self._hear, *self._latest.descriptors])
            if os.read(self._told, 1) != _ANSWER and not _orphaned(parent):
                os._exit(ExitCode.OK)
            run(answer(self._engine, self._read(), self._channel, self._answers))
            status = ExitCode.OK
        except BaseException as wrong:  # noqa: BLE001 - nothing is above this
            log.get("handover").critical("standby.defect", exc_info=wrong)
        log.drain()
        os._exit(status)

    def _read(self) -> Snapshot:
        return Snapshot(self.plan, self._latest.read() or self._snapshot.steering)

    def _answers(self) -> None:
        with contextlib.suppress(OSError):  # there is nobody to hear it after a kill
            os.write(self._hear, _ANSWERS)


def _orphaned(parent: int) -> bool:
    """Whether `parent` is dead, and not just done with this one.

    It has closed its files a moment before it is no parent any more.
    """
    until = time.monotonic() + _DYING
    while os.getppid() == parent and time.monotonic() < until:
        time.sleep(0.001)
    return os.getppid() != parent


def _close_all_but(kept: Iterable[int]) -> None:
    first = _FIRST_DESCRIPTOR
    for descriptor in sorted(kept):
        os.closerange(first, descriptor)
        first = max(first, descriptor + 1)
    os.closerange(first, os.sysconf("SC_OPEN_MAX"))
