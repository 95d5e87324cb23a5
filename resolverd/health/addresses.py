"""The addresses of endpoints that are given by hostname only, refreshed in the background.

Each hostname has a task of its own, so one whose nameserver hangs delays no other. A failed
refresh keeps the last addresses, each family by itself: a nameserver that fails on AAAA
takes away neither the A addresses nor the AAAA addresses known before.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from resolverd import log
from resolverd.health.lookup import Found, LookupFailedError, RRType, SystemLookup

Lookup = Callable[[str, RRType], Awaitable[Found]]
OnChange = Callable[[str, tuple[str, ...], tuple[str, ...]], None]

_FAMILIES: tuple[RRType, RRType] = ("A", "AAAA")


@dataclass(slots=True)
class Entry:
    """What is known of one hostname; `failing` is the reason while refreshes fail."""

    by_family: dict[RRType, tuple[str, ...]] = field(default_factory=dict)
    failing: str = ""
    refreshes: int = 0
    failures: int = 0
    resolved_at: float | None = None
    first: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def addresses(self) -> tuple[str, ...]:
        """IPv4 first, each family in numeric order."""
        return tuple(a for family in _FAMILIES for a in self.by_family.get(family, ()))


class AddressBook:
    """Keeps the addresses of some hostnames fresh.

    `on_change(hostname, before, after)` is called for every change of a hostname's
    addresses, the first resolution included. Refreshes follow the TTL found, held within
    `least` and `most` seconds; a failed one is repeated after `least`.
    """

    def __init__(
        self,
        hostnames: Iterable[str],
        *,
        lookup: Lookup | None = None,
        on_change: OnChange | None = None,
        clock: Callable[[], float] = time.monotonic,
        least: float = 5.0,
        most: float = 3600.0,
    ) -> None:
        self._lookup: Lookup = lookup or SystemLookup()
        self._on_change = on_change
        self._clock = clock
        self._least = least
        self._most = most
        self._entries = {hostname: Entry() for hostname in hostnames}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._log = log.get("health")

    def addresses(self, hostname: str) -> tuple[str, ...]:
        """The last known addresses of `hostname`; none before its first resolution."""
        entry = self._entries.get(hostname)
        return entry.addresses if entry else ()

    def entries(self) -> dict[str, Entry]:
        """What is known of each hostname, for metrics and status."""
        return dict(self._entries)

    async def start(self) -> None:
        """Begin to resolve every hostname; returns at once."""
        for hostname in self._entries:
            self._watch(hostname)

    async def first_round(self, within: float | None = None) -> bool:
        """Wait until each hostname was tried once; False when `within` seconds ran out first."""
        firsts = [asyncio.ensure_future(e.first.wait()) for e in self._entries.values()]
        if not firsts:
            return True
        _, pending = await asyncio.wait(firsts, timeout=within)
        for waiter in pending:
            waiter.cancel()
        return not pending

    async def tried(self, hostname: str) -> tuple[str, ...]:
        """The addresses of `hostname`, waiting for its first resolution if need be."""
        entry = self._entries.get(hostname)
        if entry is None:
            return ()
        await entry.first.wait()
        return entry.addresses

    def replace(self, hostnames: Iterable[str]) -> None:
        """Keep exactly `hostnames`: those known keep addresses and schedule."""
        wanted = dict.fromkeys(hostnames)
        for hostname in self._entries.keys() - wanted.keys():
            del self._entries[hostname]
            if task := self._tasks.pop(hostname, None):
                task.cancel()
        for hostname in wanted.keys() - self._entries.keys():
            self._entries[hostname] = Entry()
            self._watch(hostname)

    async def stop(self) -> None:
        """Stop refreshing; the addresses stay readable."""
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _watch(self, hostname: str) -> None:
        task = asyncio.create_task(self._keep_fresh(hostname))
        task.add_done_callback(lambda task: self._ended(hostname, task))
        self._tasks[hostname] = task

    def _ended(self, hostname: str, task: asyncio.Task[None]) -> None:
        """Show a defect of ours; whoever waits for the hostname's first try waits no longer."""
        defect = None if task.cancelled() else task.exception()
        if defect is not None:
            self._log.error("addresses.defect", hostname=hostname, exc_info=defect)
        if hostname in self._entries:
            self._entries[hostname].first.set()

    async def _keep_fresh(self, hostname: str) -> None:
        entry = self._entries[hostname]
        while True:
            wait = await self._refresh(hostname, entry)
            await asyncio.sleep(wait)

    async def _refresh(self, hostname: str, entry: Entry) -> float:
        """Look `hostname` up once; returns the seconds until the next time."""
        before = entry.addresses
        answers = await asyncio.gather(
            *(self._lookup(hostname, family) for family in _FAMILIES), return_exceptions=True
        )
        ttl, failing = self._most, ""
        fresh: dict[RRType, tuple[str, ...]] = {}
        for family, answer in zip(_FAMILIES, answers, strict=True):
            if isinstance(answer, LookupFailedError | OSError):
                failing = failing or f"{family}: {answer}"
            elif isinstance(answer, BaseException):
                raise answer
            else:
                fresh[family] = answer.addresses
                ttl = min(ttl, answer.ttl)
        after = entry.by_family | fresh
        if not any(after.values()):
            failing = failing or "no addresses"
        else:
            entry.by_family = after
        entry.refreshes += 1
        self._note_failure(hostname, entry, failing)
        entry.first.set()
        if entry.addresses != before:
            self._log.info(
                "addresses.changed", hostname=hostname, before=before, after=entry.addresses
            )
            if self._on_change:
                self._on_change(hostname, before, entry.addresses)
        return self._least if failing else min(max(ttl, self._least), self._most)

    def _note_failure(self, hostname: str, entry: Entry, failing: str) -> None:
        """Count every failed refresh; one event when failing begins, changes or ends."""
        if failing:
            entry.failures += 1
        else:
            entry.resolved_at = self._clock()
        if failing and failing != entry.failing:
            self._log.warning(
                "addresses.failing", hostname=hostname, reason=failing, kept=entry.addresses
            )
        elif entry.failing and not failing:
            self._log.info("addresses.recovered", hostname=hostname)
        entry.failing = failing
