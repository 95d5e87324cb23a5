"""Work that goes on where whoever waits for it is cancelled."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from resolverd.errors import ResolverdError

T = TypeVar("T")


class OneByOne:
    """Begins each piece of work when all before it has ended, also when nobody waits for it.

    A thread cannot be cancelled. Whoever is cancelled while he waits for one would let the next
    begin beside it: a reply that is still to come would be taken for another's, and an older
    Snapshot could be published after a newer one.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._working: asyncio.Task[Any] | None = None  # a loop alone does not keep its tasks

    async def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What `work` returns; whoever is cancelled leaves it to its end, once it has begun.

        Work that asks for a turn itself would wait for its own end.
        """
        await self._lock.acquire()
        try:
            self._working = working = asyncio.create_task(work())
        except BaseException:
            self._lock.release()
            raise
        working.add_done_callback(self._ended)
        return await to_its_end(working)

    @property
    def busy(self) -> bool:
        """Whether some of it is under way, or waits for its turn."""
        return self._lock.locked()

    async def settled(self) -> None:
        """Return once all that was asked for so far has ended."""
        async with self._lock:
            pass

    def _ended(self, _: asyncio.Task[Any]) -> None:
        self._working = None  # and with it the result, which may be large
        self._lock.release()


class Shared:
    """Does a piece of work once for all who ask meanwhile.

    A queue of them would grow where they ask faster than it ends.
    """

    def __init__(self) -> None:
        self._working: asyncio.Task[Any] | None = None

    async def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What the work under way returns; where there is none, `work` is begun."""
        if self._working is None:
            self._working = asyncio.create_task(work())
            self._working.add_done_callback(self._ended)
        working: asyncio.Task[T] = self._working
        return await to_its_end(working)

    def _ended(self, _: asyncio.Task[Any]) -> None:
        self._working = None


async def to_its_end(task: asyncio.Task[T]) -> T:
    """What comes of `task`; whoever is cancelled leaves it to its end.

    Nobody hears then of a failure that is expected (ResolverdError, OSError); any other is a
    defect, which the event loop reports.
    """
    try:
        await asyncio.wait([task])
    except asyncio.CancelledError:
        task.add_done_callback(_expected_failures_ignored)
        raise
    return task.result()


def _expected_failures_ignored(task: asyncio.Task[Any]) -> None:
    with contextlib.suppress(asyncio.CancelledError, ResolverdError, OSError):
        task.result()
