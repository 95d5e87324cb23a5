"""The objects of a cluster, followed: each kind is listed, watched, and listed again where needed.

What fails is an event, and is tried again with pauses that double; what is known holds on.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence

from resolverd import log
from resolverd.kube.api import Api
from resolverd.kube.cache import Cache, ExpiredError, ProtocolError
from resolverd.kube.client import KubeError
from resolverd.kube.objects import KINDS, Cluster, Key, Kind, Object
from resolverd.restarts import Restarts

# Seconds of one watch: half a minute more or less, so that many hosts do not ask at one moment.
_WATCH = (90, 150)
# Seconds after which all is listed again, in case a watch did not tell: a cluster that was restored
# from a backup counts its versions from an earlier one, and says nothing until it is past ours.
_RELIST = 900.0
# Seconds over which lists are spread that many hosts want at one moment.
_SPREAD = 1.0
# Seconds until a kind that the API server does not have is looked for again.
_ABSENT = 60.0


class Followed:
    """The collection of one kind, in one namespace or (empty) in all."""

    def __init__(self, api: Api, kind: Kind, namespace: str, selector: str) -> None:
        self.kind = kind
        self.cache = Cache()
        self.again = asyncio.Event()
        self._api, self._namespace = api, namespace
        self._selector = selector if kind.selected else ""
        self._path = ""
        self._restarts = Restarts()
        self._listed_at = 0.0
        self._log = log.get("kube")

    @property
    def name(self) -> str:
        """The kind, its group, and the namespace where it is but one."""
        group = f".{self.kind.group}" if self.kind.group else ""
        return f"{self.kind.plural}{group}" + (f" in {self._namespace}" if self._namespace else "")

    async def list(self) -> None:
        """Take in the whole collection. Raises KubeError."""
        self._listed_at = time.monotonic()
        version = await self._api.version_of(self.kind)
        self._path = self.kind.path(version, self._namespace) if version else ""
        try:
            if version:
                self.cache.take_list(await self._api.pages(self._path, self._selector))
            else:
                self.cache.take_none()
        except ProtocolError as error:
            raise KubeError(f"{self._path}: {error}") from error

    async def follow(self, changed: Callable[[], None]) -> None:
        """List and watch for ever; `changed` is called after each list and each change."""
        while True:
            began = time.monotonic()
            try:
                if not self.cache.version:
                    await self.list()
                    changed()
                    self._well()
                await self._watched(changed)
            except (ExpiredError, KubeError) as error:
                if not isinstance(error, ExpiredError) and not error.expired:
                    await self._failed(began, str(error))
                else:
                    self.cache.forget_version()
                    self._log.info("kube.expired", kube_kind=self.name, reason=str(error))
                    # A compaction expires every watch in the world at one moment.
                    await asyncio.sleep(random.uniform(0.0, _SPREAD))
            else:
                if time.monotonic() - began < 1.0 and not self.again.is_set():
                    await self._failed(began, "its watches end as soon as they begin")
            if self.again.is_set() or time.monotonic() - self._listed_at > _RELIST:
                self.again.clear()
                self.cache.forget_version()

    async def _watched(self, changed: Callable[[], None]) -> None:
        """One watch, to its end or until the list is wanted. Raises KubeError or ExpiredError."""
        asked = asyncio.create_task(self.again.wait())
        watch = asyncio.create_task(self._watch(changed) if self._path else asyncio.sleep(_ABSENT))
        try:
            await asyncio.wait({asked, watch}, return_when=asyncio.FIRST_COMPLETED)
            if watch.done():
                watch.result()
                if not self._path:
                    self.cache.forget_version()
        finally:
            for task in (asked, watch):
                task.cancel()
            await asyncio.gather(asked, watch, return_exceptions=True)

    async def _watch(self, changed: Callable[[], None]) -> None:
        lines = self._api.lines(
            self._path, self._selector, self.cache.version, random.randint(*_WATCH)
        )
        try:
            async for line in lines:
                try:
                    if self.cache.take_event(line):
                        changed()
                except ProtocolError as error:
                    self.cache.forget_version()
                    raise KubeError(f"{self._path}: {error}") from error
                self._well()
        finally:
            await lines.aclose()

    async def _failed(self, began: float, reason: str) -> None:
        """Say so where it is news, and wait before it is tried again."""
        before = self._restarts
        self._restarts = before.failed(began, time.monotonic(), reason)
        if self._restarts.is_news(before):
            self._log.warning("kube.failing", kube_kind=self.name, reason=reason)
        pause = self._restarts.pause * random.uniform(0.5, 1.0)
        try:
            await asyncio.wait_for(self.again.wait(), pause)
        except TimeoutError:
            return

    def _well(self) -> None:
        if self._restarts.in_row:
            self._log.info("kube.recovered", kube_kind=self.name)
            self._restarts = self._restarts.recovered()


class Watched:
    """All that is watched of a cluster: each kind, in each of the namespaces or (none) in all."""

    def __init__(self, api: Api, namespaces: Sequence[str], selector: str) -> None:
        self._followed = [
            Followed(api, kind, namespace, selector)
            for kind in KINDS
            for namespace in (namespaces or [""])
        ]

    async def list(self) -> None:
        """Take in everything once. Raises KubeError."""
        for each in self._followed:
            await each.list()

    async def follow(self, changed: Callable[[], None]) -> None:
        """Follow everything for ever; `changed` is called after each list and each change."""
        async with asyncio.TaskGroup() as group:
            for each in self._followed:
                group.create_task(each.follow(changed))

    def list_again(self) -> None:
        """Have everything listed anew, whatever watches say."""
        for each in self._followed:
            each.again.set()

    @property
    def lists(self) -> int:
        """How often all of it has been listed; 0 until everything is known."""
        return min(each.cache.lists for each in self._followed)

    @property
    def cluster(self) -> Cluster:
        """What is known now."""
        objects: dict[Kind, dict[Key, Object]] = {}
        for each in self._followed:
            objects.setdefault(each.kind, {}).update(each.cache.objects)
        return Cluster(objects)
