"""The stand-in: a fork of a daemon that ends, which answers until the next one does.

It is a fork, not a new program: it has the Plan and the code of the daemon in memory, whatever
an upgrade has made of the files, and answers a few milliseconds later. Of the daemon it keeps
the sockets, the channel and the log; every other descriptor is closed, so that connections of
the daemon end when the daemon ends them, and its ports are free for the next.

It does not probe. It ends when the next daemon serves, when there will be none, and in any case
after a time, lest answers from old verdicts go on for ever.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import time
import warnings
from collections.abc import Coroutine, Iterable
from typing import Any, NoReturn, Protocol

from resolverd import log
from resolverd.engine.counters import Counters
from resolverd.engine.interface import Engine
from resolverd.errors import EngineError, ExitCode
from resolverd.handover.answers import unwatched
from resolverd.handover.channel import ANSWERED, PID, SERVING, STARTING, receive, send
from resolverd.snapshot.model import Snapshot

ALONE = 30.0
"""Seconds that it answers without a sign of a successor."""

AT_MOST = 300.0
"""Seconds that it answers while successors try to start."""

# Seconds in which it answers, or is given up.
_START = 5.0
_STANDARD = 3
_READY = b"+"


class RunLoop(Protocol):
    """Runs a coroutine to its end in a new event loop."""

    def __call__(self, main: Coroutine[Any, Any, None], /) -> None:
        """Run `main`."""


async def leave_stand_in(
    engine: Engine, snapshot: Snapshot, channel: socket.socket, run: RunLoop
) -> int:
    """Start a stand-in for `engine`, which stays as it is; its PID, once it answers.

    `channel` is the daemon's end. Raises EngineError when it does not come up.
    """
    ours, theirs = os.pipe()
    try:
        # Forked from a thread, where no event loop is running.
        pid = await asyncio.to_thread(_fork, engine, snapshot, channel, theirs, run)
    except OSError as wrong:
        os.close(ours)
        raise EngineError(f"no stand-in can be started: {wrong.strerror}") from wrong
    finally:
        os.close(theirs)
    try:
        if await asyncio.wait_for(_first_octet(ours), _START) != _READY:
            raise EngineError(f"stand-in {pid} ended before it answered; see its log lines")
    except TimeoutError as late:
        os.kill(pid, signal.SIGKILL)
        raise EngineError(f"stand-in {pid} did not answer within {_START:g} s") from late
    finally:
        os.close(ours)
    return pid


async def _first_octet(pipe: int) -> bytes:
    """What the stand-in says, or nothing when it is gone."""
    readable = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(pipe, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(pipe)
    return os.read(pipe, 1)


def _fork(
    engine: Engine, snapshot: Snapshot, channel: socket.socket, ready: int, run: RunLoop
) -> int:
    with warnings.catch_warnings():
        # From Python 3.12 on, of threads: those of the parent are not there, and nothing that
        # they may have locked is used but what Python and libc make anew after a fork.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        _live(engine, snapshot, channel, ready, run)
    return pid


def _live(
    engine: Engine, snapshot: Snapshot, channel: socket.socket, ready: int, run: RunLoop
) -> NoReturn:
    """All that the forked process does."""
    status = ExitCode.INTERNAL
    try:
        gc.freeze()  # what was the parent's is never finalised here
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        kept = [each.fileno() for s in engine.sockets for each in (*s.udp, *s.tcp)]
        _close_all_but([*kept, channel.fileno(), ready])
        log.configure(*log.chosen())
        run(_answer(engine, snapshot, channel, ready))
        status = ExitCode.OK
    except BaseException as wrong:  # noqa: BLE001 - nothing is above this
        log.get("handover").critical("standin.failed", exc_info=wrong)
    os._exit(status)


def _close_all_but(kept: Iterable[int]) -> None:
    last = _STANDARD - 1
    for descriptor in sorted(kept):
        os.closerange(last + 1, descriptor)
        last = descriptor
    os.closerange(last + 1, os.sysconf("SC_OPEN_MAX"))


async def _answer(forked: Engine, snapshot: Snapshot, channel: socket.socket, ready: int) -> None:
    """Answer until there is no more need to; what was read then is answered too."""
    events = log.get("handover")
    engine = forked.again()
    await engine.start(unwatched(snapshot))
    await engine.check()
    since = time.monotonic()
    send(channel, PID, os.getpid())
    os.write(ready, _READY)
    os.close(ready)
    events.info("standin.answers", pid=os.getpid())
    why = await _until_over(engine, channel)
    counted = await engine.counters() if not engine.died.done() else Counters()
    await engine.stop()
    answered = sum(counted.answered.values())
    send(channel, ANSWERED, answered)
    level = events.info if why in (_SUCCEEDED, _NOBODY) else events.error
    level("standin.ended", why=why, answered=answered, seconds=round(time.monotonic() - since, 3))


_SUCCEEDED = "the next daemon serves"
_NOBODY = "the service is stopped"


async def _until_over(engine: Engine, channel: socket.socket) -> str:
    """Why it is over."""
    loop = asyncio.get_running_loop()
    over: asyncio.Future[str] = loop.create_future()
    last = loop.time() + AT_MOST
    alone = loop.call_later(ALONE, _end, over, f"no successor for {ALONE:g} s")

    def heard() -> None:
        nonlocal alone
        match receive(channel):
            case None:
                loop.remove_reader(channel)
                _end(over, _NOBODY)
            case [word] if word == SERVING:
                _end(over, _SUCCEEDED)
            case [word] if word == STARTING:
                alone.cancel()
                left = min(ALONE, last - loop.time())
                why = f"no successor for {ALONE:g} s"
                if left < ALONE:
                    why = f"no successor has come up within {AT_MOST:g} s"
                alone = loop.call_later(left, _end, over, why)

    loop.add_reader(channel, heard)
    loop.add_signal_handler(signal.SIGTERM, _end, over, "it was told to end")
    engine.died.add_done_callback(
        lambda died: None if died.cancelled() else _end(over, died.result())
    )
    why = await over
    alone.cancel()
    loop.remove_reader(channel)
    return why


def _end(over: asyncio.Future[str], why: str) -> None:
    if not over.done():
        over.set_result(why)
