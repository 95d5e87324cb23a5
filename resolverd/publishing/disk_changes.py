"""Changes to the published sets on the disk, one after the other, whoever waits for them.

A disk that takes its time holds up a stop for no longer than `stop_limits` has; what was asked of
it is still done once it answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeVar

from resolverd import log
from resolverd.files.threads import detached
from resolverd.files.writing import why_not
from resolverd.uncancelled import OneByOne

T = TypeVar("T")


class DiskChanges:
    """Changes to the sets of one edge."""

    def __init__(self) -> None:
        self._one_by_one = OneByOne()
        self._log = log.get("generations")

    async def make(self, change: Callable[[], T]) -> T:
        """What `change` returns, begun when all before it have ended. Raises what it raises."""
        return await self._one_by_one.run(partial(detached, change))

    async def tidy(self, *changes: Callable[[], object]) -> None:
        """Remove what nobody needs, by these in turn; what cannot be removed is an event."""
        if why := await self._all(changes):
            self._log.warning("generation.not_tidied", reason=why)

    async def put_back(self, *changes: Callable[[], object], within: float) -> None:
        """Have the last good set be current, by these in turn; an event after so many seconds."""
        if why := await self._all(changes, within):
            self._log.warning("generation.not_returned", reason=why)

    async def _all(
        self, changes: Iterable[Callable[[], object]], within: float | None = None
    ) -> str:
        """Make as many as can be; why not all are made. Those that take longer go on."""
        making = asyncio.create_task(self._in_turn(changes))
        await asyncio.wait([making], timeout=within)
        return making.result() if making.done() else "the disk does not answer"

    async def _in_turn(self, changes: Iterable[Callable[[], object]]) -> str:
        try:
            for change in changes:
                await self.make(change)
        except OSError as error:
            return why_not(error)
        return ""
