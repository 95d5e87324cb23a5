"""What a standby does once the daemon is gone: it answers until the next daemon does.

It does not probe. It ends when the next daemon serves, when there will be none, and in any case
after a time, lest answers from old verdicts go on for ever.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from resolverd import log
from resolverd.engine.counters import Counters
from resolverd.engine.interface import Engine
from resolverd.handover.channel import ANSWERED, PID, SERVING, receive, send
from resolverd.handover.unwatched import unwatched
from resolverd.snapshot.model import Snapshot

MAX_SECONDS = 300.0
"""Seconds that it answers while no successor comes up.

The service manager ends it before, where there will be none. So this is for a new version that
fails again and again, whose operator needs some minutes, with or without a sign of life from it.
"""

_SUCCEEDED = "the next daemon serves"
_NOBODY = "the service is stopped"
_TERMINATED = "SIGTERM"


class RunLoop(Protocol):
    """Runs a coroutine to its end in a new event loop."""

    def __call__(self, main: Coroutine[Any, Any, None], /) -> None:
        """Run `main`."""


async def answer(
    forked: Engine, snapshot: Snapshot, channel: socket.socket, begun: Callable[[], None]
) -> None:
    """Answer until there is no more need to; what was read by then is answered too.

    `forked` is the engine of the process that this one was forked from; `begun` is called once
    queries are answered. Raises EngineError when they cannot be.
    """
    events = log.get("handover")
    engine = forked.again()
    await engine.start(unwatched(snapshot))
    await engine.check()
    since = time.monotonic()
    send(channel, PID, os.getpid())
    begun()
    events.info("standby.answers", pid=os.getpid())
    why = await _until_over(engine, channel)
    counted = await engine.counters() if not engine.died.done() else Counters()
    await engine.stop()
    answered = sum(counted.answered.values())
    send(channel, ANSWERED, answered)
    seconds = round(time.monotonic() - since, 3)
    if why in (_SUCCEEDED, _NOBODY, _TERMINATED):
        events.info("standby.ended", reason=why, query_count=answered, seconds=seconds)
    else:
        events.error("standby.gave_up", reason=why, query_count=answered, seconds=seconds)


async def _until_over(engine: Engine, channel: socket.socket) -> str:
    """Wait until this process has to answer no more; returns the reason."""
    loop = asyncio.get_running_loop()
    over: asyncio.Future[str] = loop.create_future()

    def end(why: str) -> None:
        if not over.done():
            over.set_result(why)

    last = loop.call_later(MAX_SECONDS, end, f"no successor has come up within {MAX_SECONDS:g} s")

    def take_message() -> None:
        words = receive(channel)
        if words is None:
            loop.remove_reader(channel)
            end(_NOBODY)
        elif words == [SERVING]:
            end(_SUCCEEDED)

    loop.add_reader(channel, take_message)
    loop.add_signal_handler(signal.SIGTERM, end, _TERMINATED)
    engine.died.add_done_callback(lambda died: None if died.cancelled() else end(died.result()))
    why = await over
    last.cancel()
    loop.remove_reader(channel)
    return why
