"""Threads of Python's that are an engine's own.

What hangs elsewhere, as calls to a disk, must not keep an engine from being published to; and what
hangs in these must not keep the process from its end, which waits for no daemon thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import weakref
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
Work = Callable[[], None]


class OwnThreads:
    """At most `count` threads, begun once they are needed; they end with this."""

    def __init__(self, count: int) -> None:
        self._count, self._queue = count, SimpleQueue[Work | None]()
        self._begun = self._busy = 0

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` returns; a cancelled caller leaves it to its end.

        Raises RuntimeError where there is no thread yet and none can be started (TasksMax=).
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def end(result: Any, error: BaseException | None) -> None:
            self._busy -= 1
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)

        def body() -> None:
            try:
                outcome: tuple[Any, BaseException | None] = (work(), None)
            except BaseException as error:  # noqa: BLE001 - handed to the caller
                outcome = (None, error)
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(end, *outcome)

        self._have_one()
        self._busy += 1
        self._queue.put(body)
        return await future

    def _have_one(self) -> None:
        """Begin a thread, unless one rests or there are as many as may be."""
        if self._busy < self._begun or self._begun == self._count:
            return
        thread = threading.Thread(target=_serve, args=(self._queue,), name="engine", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            if not self._begun:
                raise
            return  # those that there are do it, one after another
        self._begun += 1
        weakref.finalize(self, self._queue.put, None).atexit = False


def _serve(queue: SimpleQueue[Work | None]) -> None:
    while (work := queue.get()) is not None:
        work()
        del work  # and with it what it holds, which may be large
