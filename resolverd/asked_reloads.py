"""Reloads that somebody asks for: those who ask while one is under way share the next one.

A stop ends them: of what is adopted from then on, whoever answers next might know nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from resolverd.admin.served import EndingError


class AskedReloads:
    """`reload` is called with whether losses are accepted, and calls `begun` before it reads."""

    def __init__(self, reload: Callable[[bool], Coroutine[Any, Any, bool]]) -> None:
        self.stopped = False
        self._reload = reload
        self._next: dict[bool, asyncio.Task[bool]] = {}
        self._tasks: set[asyncio.Task[bool]] = set()

    async def outcome(self, *, accept_losses: bool) -> bool:
        """What comes of the next one, which whoever is cancelled leaves to its end.

        Raises EndingError where a stop ends it first.
        """
        if self.stopped:
            raise EndingError
        task = self.soon(accept_losses=accept_losses)
        await asyncio.wait([task])
        if task.cancelled():
            raise EndingError
        return task.result()

    def soon(self, *, accept_losses: bool = False) -> asyncio.Task[bool]:
        """The next one, which nobody needs to wait for."""
        task = self._next.get(accept_losses)
        if task is None:
            task = asyncio.create_task(self._reload(accept_losses), name="reload")
            self._next[accept_losses] = task
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return task

    def begun(self, *, accept_losses: bool) -> None:
        """The next one is under way: who asks from now on is not heard by it."""
        del self._next[accept_losses]

    async def stop(self) -> None:
        """End those that are under way, and begin none any more."""
        self.stopped = True
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
