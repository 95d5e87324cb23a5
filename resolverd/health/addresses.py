"""The addresses of hostnames, refreshed in the background.

Each hostname has a task of its own, so one whose nameserver hangs delays no other. What an answer
changes is in `resolved.py`. Addresses that lead a client to itself or nowhere are taken from no
name that is answered; what this host alone connects to may be anywhere, loopback included.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from resolverd import log
from resolverd.dns.hostnames import is_elsewhere, normal_host
from resolverd.health.kept import KeptAddresses
from resolverd.health.lookup import Found, LookupFailedError, RRType, SystemLookup
from resolverd.health.resolved import (
    LOW_TTL,
    MIN_INTERVAL,
    UNRESOLVED,
    Family,
    Resolved,
    next_lookup,
)
from resolverd.patience.timeout import PatientTimeout

Lookup = Callable[[str, RRType], Awaitable[Found]]
OnChange = Callable[[str, tuple[str, ...], tuple[str, ...]], None]

_FAMILIES: tuple[RRType, RRType] = ("A", "AAAA")
# Seconds for which the second family is waited for once the first is answered. RFC 8305 §3 has
# 0.05, for users; a first probe, which is to ask over both, may begin a little later.
_RESOLUTION_DELAY = 0.25


class _Said(NamedTuple):
    """What one lookup said: why it failed, or why there is none, and what leads nowhere."""

    failing: str = ""
    absence: str = ""
    refused: tuple[str, ...] = ()


@dataclass(slots=True)
class Entry:
    """What is known of one hostname; `failing` is the reason while refreshes fail.

    `first` is set once a refresh is over, `some` then or once there are addresses of one family.
    """

    by_family: dict[RRType, Family] = field(
        default_factory=lambda: {family: Family() for family in _FAMILIES}
    )
    failing: str = ""
    refreshes: int = 0
    failures: int = 0
    refused: int = 0
    refused_now: tuple[str, ...] = ()
    resolved_at: float | None = None
    changed: float | None = None
    had_addresses: bool = False
    some: asyncio.Event = field(default_factory=asyncio.Event)
    first: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def addresses(self) -> tuple[str, ...]:
        """IPv4 first, each family in numeric order."""
        return tuple(a for family in _FAMILIES for a in self.by_family[family].addresses)

    def tried(self) -> None:
        """A refresh is over, whatever came of it: nobody waits for the first any longer."""
        self.some.set()
        self.first.set()


class AddressBook:
    """Keeps the addresses of some hostnames fresh.

    `on_change(hostname, before, after)` is called for every change of a hostname's addresses, the
    first resolution included. Refreshes come at half the TTL found, at least `minimum` and at most
    `maximum` seconds apart; a failed one is repeated after `retry`. `grace` is for how many seconds
    addresses are kept that a nameserver says are gone; it is asked again some five times meanwhile.
    `local` takes every address, for a book that is only probed. `kept` remembers
    the addresses over a restart.
    """

    def __init__(
        self,
        hostnames: Iterable[str],
        *,
        lookup: Lookup | None = None,
        on_change: OnChange | None = None,
        clock: Callable[[], float] = time.monotonic,
        minimum: float = MIN_INTERVAL,
        maximum: float = 3600.0,
        retry: float = 5.0,
        grace: float = 15.0,
        local: bool = False,
        kept: KeptAddresses | None = None,
    ) -> None:
        self.grace = grace
        self._lookup: Lookup = lookup or SystemLookup()
        self._on_change = on_change
        self._clock = clock
        self._minimum, self._maximum, self._retry = minimum, maximum, retry
        self._local = local
        self._kept = kept or KeptAddresses(None)
        self._entries = {name: self._entry(name) for name in map(normal_host, hostnames)}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._log = log.get("health")

    def addresses(self, hostname: str) -> tuple[str, ...]:
        """The last known addresses of `hostname`; none before its first resolution."""
        entry = self._entries.get(normal_host(hostname))
        return entry.addresses if entry else ()

    def resolved(self, hostname: str) -> Resolved:
        """What is known of `hostname` now, and for how long."""
        entry = self._entries.get(normal_host(hostname))
        if entry is None:
            return UNRESOLVED
        now = self._clock()
        a, aaaa = (entry.by_family[family] for family in _FAMILIES)
        empty = not entry.addresses
        return Resolved(
            a.addresses,
            aaaa.addresses,
            a.holds_until(now),
            aaaa.holds_until(now),
            known=any(resolution.state != "unknown" for resolution in (a, aaaa)),
            changed=entry.changed,
            reason=f"{hostname}: {entry.failing or 'not resolved yet'}" if empty else "",
        )

    def as_known(self) -> Callable[[str], Resolved]:
        """`resolved` as it is now: lookups that end later do not change what it says."""
        known = {hostname: self.resolved(hostname) for hostname in self._entries}
        return lambda hostname: known.get(normal_host(hostname), UNRESOLVED)

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
        """The addresses of `hostname`, waiting for those of one family at least if need be."""
        entry = self._entries.get(normal_host(hostname))
        if entry is None:
            return ()
        if not entry.addresses:
            await entry.some.wait()
        return entry.addresses

    def replace(self, hostnames: Iterable[str]) -> None:
        """Keep exactly `hostnames`: those known keep addresses and schedule."""
        wanted = dict.fromkeys(map(normal_host, hostnames))
        for hostname in self._entries.keys() - wanted.keys():
            del self._entries[hostname]
            if task := self._tasks.pop(hostname, None):
                task.cancel()
        self._kept.retain({*wanted})
        for hostname in wanted.keys() - self._entries.keys():
            self._entries[hostname] = self._entry(hostname)
            self._watch(hostname)

    async def stop(self) -> None:
        """Stop refreshing; the addresses stay readable."""
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._kept.close()

    def _entry(self, hostname: str) -> Entry:
        """A new entry, with the addresses that were known before a restart."""
        entry = Entry()
        for family in _FAMILIES:
            kept = self._kept.get(hostname, family)
            taken = tuple(a for a in kept if self._is_taken(a))
            if taken:
                entry.by_family[family] = Family(taken, "stale", LOW_TTL)
                entry.had_addresses = True
        return entry

    def _watch(self, hostname: str) -> None:
        task = asyncio.create_task(self._keep_fresh(hostname))
        task.add_done_callback(lambda task: self._ended(hostname, task))
        self._tasks[hostname] = task

    def _ended(self, hostname: str, task: asyncio.Task[None]) -> None:
        """Whoever waits for the hostname's first try waits no longer."""
        if not task.cancelled() and (defect := task.exception()):
            self._log.error("addresses.defect", hostname=hostname, exc_info=defect)
        if hostname in self._entries:
            self._entries[hostname].tried()

    async def _keep_fresh(self, hostname: str) -> None:
        """Refresh for ever; a defect costs one refresh, and is an event while it is another one."""
        entry, known = self._entries[hostname], ""
        while True:
            try:
                wait, defect = await self._refresh(hostname, entry), ""
            except Exception as error:  # noqa: BLE001 - the addresses known stay
                wait, defect = self._retry, repr(error)
                if defect != known:
                    self._log.error("addresses.defect", hostname=hostname, exc_info=error)
                entry.tried()
            known = defect
            await asyncio.sleep(wait)

    async def _refresh(self, hostname: str, entry: Entry) -> float:
        """Look `hostname` up once; returns the seconds until the next time.

        A family that is answered late, or never (RFC 4074 §4.1), holds up the other, and whoever
        waits for some address, for `_RESOLUTION_DELAY` alone. `first_round` waits for both.
        """
        said: dict[RRType, _Said] = {}
        lookups = {
            family: asyncio.ensure_future(self._lookup(hostname, family)) for family in _FAMILIES
        }
        before = entry.addresses
        try:
            await asyncio.wait(lookups.values(), return_when=asyncio.FIRST_COMPLETED)
            if late := await _late(lookups.values()):
                self._take_in(entry, lookups, said)
                self._note_addresses(hostname, entry, before)
                before = entry.addresses
                await asyncio.wait(late)
            self._take_in(entry, lookups, said)
        except BaseException:
            for lookup in lookups.values():
                lookup.cancel()
            await asyncio.gather(*lookups.values(), return_exceptions=True)
            raise
        failing = next((said[f].failing for f in _FAMILIES if said[f].failing), "")
        absences = [said[family].absence for family in _FAMILIES]
        if not failing and all(absences):
            failing = absences[0] if absences[0] == absences[1] else " and ".join(absences)
        entry.refreshes += 1
        self._note_failure(hostname, entry, failing)
        self._note_refused(hostname, entry, tuple(a for f in _FAMILIES for a in said[f].refused))
        self._note_addresses(hostname, entry, before)
        entry.tried()
        return next_lookup(
            list(entry.by_family.values()),
            failing=bool(failing),
            retry=self._retry,
            confirm=self.grace / 5,
            minimum=self._minimum,
            maximum=self._maximum,
        )

    def _take_in(
        self,
        entry: Entry,
        lookups: Mapping[RRType, asyncio.Future[Found]],
        said: dict[RRType, _Said],
    ) -> None:
        """Take in the families whose lookups have ended, but those of which it is known."""
        for family, lookup in lookups.items():
            if lookup.done() and family not in said:
                said[family] = self._taken(entry, family, lookup)

    def _taken(self, entry: Entry, family: RRType, lookup: asyncio.Future[Found]) -> _Said:
        """Know what a lookup of one family, which has ended, makes of it."""
        known, now = entry.by_family[family], self._clock()
        try:
            answer = lookup.result()
        except (LookupFailedError, OSError) as error:
            entry.by_family[family] = known.failed()
            return _Said(failing=f"{family}: {error}")
        taken = tuple(a for a in answer.addresses if self._is_taken(a))
        refused = tuple(a for a in answer.addresses if a not in taken)
        if taken:
            entry.by_family[family] = known.found(taken, answer.ttl, now)
            return _Said(refused=refused)
        entry.by_family[family] = known.absent(answer.ttl, now, self.grace)
        absence = answer.absence or "only addresses that lead nowhere"
        return _Said(absence=absence, refused=refused)

    def _note_addresses(self, hostname: str, entry: Entry, before: tuple[str, ...]) -> None:
        """The addresses are what they are now: whoever waits for some, or for a change, is told."""
        if entry.had_addresses and bool(before) != bool(entry.addresses):
            entry.changed = self._clock()
        entry.had_addresses = entry.had_addresses or bool(entry.addresses)
        if entry.addresses:
            entry.some.set()
        if entry.addresses != before:
            self._log.info(
                "addresses.changed",
                hostname=hostname,
                addresses_before=list(before),
                addresses=list(entry.addresses),
            )
            if self._on_change:
                self._on_change(hostname, before, entry.addresses)
        self._remember(hostname, entry)

    def _is_taken(self, address: str) -> bool:
        return self._local or is_elsewhere(address)

    def _remember(self, hostname: str, entry: Entry) -> None:
        """Keep what a nameserver has said last; addresses that a failure kept are kept there."""
        for family, known in entry.by_family.items():
            if known.state in ("fresh", "none"):
                self._kept.put(hostname, family, known.addresses)

    def _note_failure(self, hostname: str, entry: Entry, failing: str) -> None:
        """Count every failed refresh; one event when failing begins, changes or ends."""
        if failing:
            entry.failures += 1
        else:
            entry.resolved_at = self._clock()
        if failing and failing != entry.failing:
            self._log.warning(
                "addresses.failing",
                hostname=hostname,
                reason=failing,
                addresses=list(entry.addresses),
            )
        elif entry.failing and not failing:
            self._log.info("addresses.recovered", hostname=hostname)
        entry.failing = failing

    def _note_refused(self, hostname: str, entry: Entry, refused: tuple[str, ...]) -> None:
        """Count addresses that lead nowhere; one event for each set of them."""
        entry.refused += len(refused)
        if refused and refused != entry.refused_now:
            self._log.warning("addresses.refused", hostname=hostname, addresses=list(refused))
        entry.refused_now = refused


async def _late(lookups: Collection[asyncio.Future[Found]]) -> set[asyncio.Future[Found]]:
    """Those that take longer than `_RESOLUTION_DELAY`, less what this host itself was late by."""
    with suppress(TimeoutError):
        async with PatientTimeout(asyncio.get_running_loop().time() + _RESOLUTION_DELAY):
            await asyncio.wait(lookups)
    return {lookup for lookup in lookups if not lookup.done()}
