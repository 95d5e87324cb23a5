"""Pages of others that are read again and again, each by a task on a schedule of its own.

They share nothing with the probes but the bounds of a probe (`probes/bounds.py`): a slow page
delays none of them, and no other page. What a page says, and what its failure means, is for those
to know who read it: `GpuWatch`, and `PageWatch` of `rtt`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, TypeVar

import aiohttp

from resolverd.health.probes.session import open_session

P = TypeVar("P")


class Pages(Generic[P]):
    """The pages to read; to be used inside one running event loop.

    `read(page)` reads one once, and has to take in whatever goes wrong; it is called again
    `every()` seconds after it has ended.
    """

    def __init__(self, read: Callable[[P], Awaitable[None]], every: Callable[[], float]) -> None:
        self._read, self._every = read, every
        self._tasks: dict[P, asyncio.Task[None]] = {}
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """The one that all pages are read with."""
        if self._session is None:
            self._session = open_session()
        return self._session

    def replace(self, pages: Iterable[P]) -> tuple[set[P], set[P]]:
        """Read exactly `pages` from now on; those that have come, and those that have gone."""
        wanted = set(pages)
        gone, come = self._tasks.keys() - wanted, wanted - self._tasks.keys()
        for page in gone:
            self._tasks.pop(page).cancel()
        for page in come:
            self._tasks[page] = asyncio.create_task(self._keep_reading(page))
        return come, gone

    async def stop(self) -> None:
        """End all reading, and close the session."""
        tasks = list(self._tasks.values())
        self.replace(())
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _keep_reading(self, page: P) -> None:
        while True:
            await self._read(page)
            await asyncio.sleep(self._every())
