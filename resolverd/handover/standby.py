"""The standby: a fork of the daemon that waits, and answers once the daemon does not.

It is a fork, not a new program: it has Plan, tables and code of the daemon in memory, whatever an
upgrade has made of the files, and answers some milliseconds after the daemon was killed. `Latest`
has the Steering, and says which of two standbys is to answer: while an edit is adopted one waits
with the Plan before it and one with the new. Of the daemon it keeps the sockets, the channel and
the log; every other descriptor is closed, so that connections of the daemon end when the daemon
ends them, and its ports are free for the next.

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
from functools import partial
from pathlib import Path
from typing import NoReturn

from resolverd import log
from resolverd.engine.interface import Engine
from resolverd.errors import EngineError, ExitCode
from resolverd.files.threads import detached
from resolverd.handover.answering import RunLoop, answer
from resolverd.handover.latest import Latest
from resolverd.handover.leftovers import STANDBY
from resolverd.snapshot.model import Plan, Snapshot, Steering

# Seconds in which it answers once it is to, or is given up.
_START = 5.0
# Seconds that a process takes to end once its files are closed.
_DYING = 1.0
_FIRST_DESCRIPTOR = 3
# The command, and the reply to it. The end of the commands means that the daemon is dead.
_ANSWER = b"a"
_ANSWERS = b"+"


class Standby:
    """The daemon's side. It would answer from `plan`, once `latest` names it by its `number`."""

    def __init__(
        self, number: int, engine: Engine, plan: Plan, channel: socket.socket, latest: Latest
    ) -> None:
        """Nothing is forked yet. `channel` is the daemon's end. Raises OSError."""
        self.plan = plan
        self.pid = 0
        self._ended, self._dismissed = True, False
        self._number, self._engine, self._channel = number, engine, channel
        self._latest = latest
        self._command_read, self._command_write = os.pipe()
        try:
            self._reply_read, self._reply_write = os.pipe()
        except OSError:
            os.close(self._command_read)
            os.close(self._command_write)
            raise

    async def start(self, run: RunLoop) -> None:
        """Fork, from a thread where no event loop is running; `run` runs one.

        Raises OSError, and RuntimeError where no thread can be started.
        """
        try:
            # In a thread of its own, for one of a pool might take it up after such an error.
            self.pid = await detached(partial(self._fork, run), background=False)
            self._ended = False
        except (OSError, RuntimeError):
            self.dismiss()
            raise
        finally:
            os.close(self._command_read)
            os.close(self._reply_write)

    def follow(self, steering: Steering) -> None:
        """Be the one that is to answer, and from this, which is of its Plan. Raises OSError."""
        self._latest.write(self._number, steering)

    async def answer(self) -> None:
        """Have it answer; returns once it does. Raises EngineError when it does not."""
        try:
            os.write(self._command_write, _ANSWER)
            async with asyncio.timeout(_START):
                reply = await self._reply()
        except TimeoutError as late:
            raise EngineError(f"it did not answer within {_START:g} s") from late
        except OSError as error:
            raise EngineError(f"it is gone: {error.strerror}") from error
        if reply != _ANSWERS:
            raise EngineError("it ended before it answered; see its log lines")

    def dismiss(self) -> None:
        """End it, while it waits: then it has nothing to lose. Once is enough. Blocks."""
        if self._dismissed:
            return
        self._dismissed = True
        if self.alive:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self._ended = True
        os.close(self._command_write)
        os.close(self._reply_read)

    @property
    def alive(self) -> bool:
        """Whether it runs; one that does not is reaped, and its PID may be another's from then."""
        if not self._ended:
            self._ended = os.waitpid(self.pid, os.WNOHANG) != (0, 0)
        return not self._ended

    async def _reply(self) -> bytes:
        """Its reply, or nothing when it is gone."""
        readable = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._reply_read, readable.set)
        try:
            await readable.wait()
        finally:
            loop.remove_reader(self._reply_read)
        return os.read(self._reply_read, 1)

    def _fork(self, run: RunLoop) -> int:
        daemon = os.getpid()  # known before, for it may be dead before the fork runs
        with warnings.catch_warnings():
            # From Python 3.12 on, of other threads: they are not there in the fork, and nothing
            # that they may have locked is used but what Python and libc make anew after a fork.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            self._live(daemon, run)
        return pid

    def _live(self, daemon: int, run: RunLoop) -> NoReturn:
        """All that the forked process does; `daemon` is the PID of its parent."""
        status = ExitCode.INTERNAL
        try:
            log.in_fork()  # first, for another thread may have held a lock of the log
            Path("/proc/self/comm").write_text(STANDBY)
            gc.freeze()  # what was the parent's is never finalised here
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            for number in (signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            sockets = [sock for s in self._engine.sockets for sock in (*s.udp, *s.tcp)]
            kept = [file.fileno() for file in (*sockets, self._channel, sys.stdout, sys.stderr)]
            kept += [self._command_read, self._reply_write, *self._latest.descriptors]
            _close_all_but(kept)
            if os.read(self._command_read, 1) != _ANSWER and not _orphaned(daemon):
                os._exit(ExitCode.OK)
            steering = self._latest.read(self._number)
            if steering is not None:  # else another standby answers
                snapshot = Snapshot(self.plan, steering)
                run(answer(self._engine, snapshot, self._channel, self._answers))
            status = ExitCode.OK
        except BaseException as error:  # noqa: BLE001 - nothing is above this
            log.get("handover").critical("standby.defect", exc_info=error)
        log.drain()
        os._exit(status)

    def _answers(self) -> None:
        with contextlib.suppress(OSError):  # there is nobody to hear it after a kill
            os.write(self._reply_write, _ANSWERS)


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
