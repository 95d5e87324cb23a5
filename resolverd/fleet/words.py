"""Operators' words over the whole fleet: obeyed here at once, told to the others, heard of them.

What is in force is put into the tables that steering reads (`obeyed`), which nobody else writes to
while there is a fleet. `kept` goes into `server.state` with it, so a start without NATS obeys what
this edge knew last.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple

from resolverd import log
from resolverd.config.fleet import EVERY_EDGE, Fleet
from resolverd.fleet.cancelling import end_if_cancelled
from resolverd.fleet.errors import FleetConflict, FleetUnavailable
from resolverd.fleet.obeyed import ObeyedOverrides, ObeyedRules
from resolverd.fleet.store import Entry, Store
from resolverd.fleet.word import (
    KINDS,
    OVERRIDE,
    PREFIX,
    SPILL,
    Address,
    Kind,
    Word,
    address_of,
    as_word,
    packed,
    unpacked,
)
from resolverd.fleet.word_table import Effect, InForce, Pending, Said, WordTable
from resolverd.health.overrides import Orders, Override, OverrideKind
from resolverd.policy.operator_rules import OperatorRule

TELL_TIMEOUT = 3.0
"""Seconds that an operator waits until all edges obey; who does not by then is named."""

# Seconds between two attempts to write what is pending; for which a word that is over stays, so
# that clocks may differ; and by which it ends early, so that the next one is in force in time.
_RETRY, _KEPT_OVER, _EARLY = 1.0, 120.0, 0.05


class Told(NamedTuple):
    """How far a word that was said to `scope` has come: an edge, or all.

    `pending`: this edge alone has it. `without` are edges that do not obey it yet, or may not.
    `edges` are those of the fleet that were heard within seconds, this one among them. `lost` says
    that another operator's word stands instead.
    """

    scope: str
    pending: bool
    lost: bool
    edges: tuple[str, ...]
    without: tuple[str, ...]


class Words:
    """The words of one edge.

    `kept` is what `kept` gave to an earlier process; `overrides` and `rules` are those of a time
    without a fleet.
    """

    def __init__(
        self,
        store: Store,
        settings: Fleet,
        kept: Mapping[str, Any],
        overrides: Mapping[str, Override],
        rules: Mapping[str, OperatorRule],
    ) -> None:
        self._store, self._log = store, log.get("fleet")
        self._fleet = settings.name
        self._table = WordTable(settings.edge_name)
        self._overrides, self._rules = ObeyedOverrides(_EARLY), ObeyedRules(_EARLY)
        self._republish: Callable[[], Awaitable[object]] = _nothing
        self._ttl_of: Callable[[str], float] = _no_ttl
        self._wake = asyncio.Event()
        self._news = asyncio.Event()
        # A clock that is set while the edge runs ends no word: its time goes on as it began.
        self._unix_less_monotonic = time.time() - time.monotonic()
        self._revision, self._obeyed = 0, 0
        self._lost: set[tuple[str, Kind]] = set()
        self._unpublished = False
        self._restore(kept, overrides, rules)
        store.follow(PREFIX, self._hear)
        store.follow("edges.", lambda _: self._news.set())  # one may obey by now

    @property
    def edge(self) -> str:
        """This edge's name."""
        return self._table.edge

    @property
    def pending(self) -> Mapping[Address, Word | None]:
        """What was said here and the fleet has not; None clears."""
        return {
            address: found.word
            for address, found in self._table.pending.items()
            if found.word is not None or not found.again
        }

    @property
    def revision(self) -> int:
        """The newest revision of a word that was heard."""
        return self._revision

    def in_force(self, kind: Kind = OVERRIDE) -> Mapping[str, InForce]:
        """What holds here now, of one kind, by target."""
        return self._table.in_force(self._unix() + _EARLY, kind)

    async def settle(self, within: float) -> None:
        """Before the first answer: hear all that the fleet has said, within so many seconds."""
        try:
            await self._store.current(within)
        except FleetUnavailable as unavailable:
            self._log.warning(
                "fleet.start_alone", reason=str(unavailable), seconds=within,
                word_count=sum(len(self.in_force(kind)) for kind in KINDS),
            )  # fmt: skip

    def into(
        self,
        overrides: Orders[Override],
        override_keys: Callable[[], Collection[str]],
        rules: Orders[OperatorRule],
        rule_keys: Callable[[], Collection[str]],
        republish: Callable[[], Awaitable[object]],
        ttl_of: Callable[[str], float],
    ) -> None:
        """From now on write to `overrides` and `rules` those words that are on known keys.

        `republish` returns once answers obey them. `ttl_of` says for how many seconds answers may
        live that name a region.
        """
        self._overrides.into(overrides, override_keys)
        self._rules.into(rules, rule_keys)
        self._republish, self._ttl_of = republish, ttl_of
        self.apply()

    def apply(self, *, said_here: bool = False) -> bool:
        """Have the tables say what is in force; True where that changed something.

        What was `said_here` is logged by whoever it was said to.
        """
        unix = self._unix()
        changed = [
            self._overrides.apply(self.in_force(OVERRIDE), unix, said_here=said_here),
            self._rules.apply(self.in_force(SPILL), unix, said_here=said_here),
        ]
        self._unpublished |= any(changed)  # whoever has it applied
        return any(changed)

    def say(
        self,
        targets: Iterable[str],
        order: Override | OperatorRule | None,
        scope: str,
        kind: Kind = OVERRIDE,
    ) -> None:
        """Say it of each key of that kind, to `all` edges or to the one named; None clears.

        It holds here at once where it is said to this edge too.
        """
        shift = -self._unix_less_monotonic
        word = None if order is None else as_word(order, shift)
        for target in targets:
            self._table.say(Address(scope, target, kind), word)
            self._lost.discard((target, kind))
        self.apply(said_here=True)
        self._unpublished = True
        self._wake.set()

    async def told(self, targets: Iterable[str], scope: str, kind: Kind = OVERRIDE) -> Told:
        """Wait until the live edges that it was said to obey it, for as long as operators wait.

        By then this edge obeys all that it has heard, so what others said before counts.

        Without a quorum nobody is waited for.
        """
        wanted = {(target, kind) for target in targets}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TELL_TIMEOUT):
                while self._store.quorum and self._open(wanted, scope):
                    self._news.clear()
                    await self._news.wait()
        return Told(
            scope,
            self._pending_on(wanted),
            bool(wanted & self._lost),
            tuple(self._store.edges()),
            self._without(wanted, scope),
        )

    def ttl_elsewhere(self, region: str, scope: str) -> float:
        """Seconds for which answers of the other edges may live that name a region withdrawn there.

        Each has told so with what it obeys, by its own configuration; of those that do not obey
        nothing is known.
        """
        told = self._store.ttls()
        others = self._asked(scope) - {self.edge}
        return max((told.get(edge, {}).get(region, 0.0) for edge in others), default=0.0)

    async def keep(self) -> None:
        """Obey what is heard, and write what is pending; never returns."""
        while True:
            end_if_cancelled()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._until_next()):
                    await self._wake.wait()
            self._wake.clear()
            self._begin()
            revision = self._revision
            self.apply()
            if self._unpublished:
                await self._publish()
            self._obeyed = revision
            self._store.obey(revision, self._ttls())
            await self._write_pending()
            await self._tidy()
            self._news.set()

    def kept(self) -> dict[str, Any]:
        """What the next process has to know."""
        return {"fleet": self._fleet, **self._table.kept()}

    def note(self) -> None:
        """The fleet stands otherwise: see whether what is pending can be written."""
        self._wake.set()

    def on(self, target: str, scope: str, kind: Kind = OVERRIDE) -> dict[Address, Any]:
        """What is said of `target` now: to the edge `scope`, or for `all` to any of them.

        Overrides, or spill rules, by the address of each.
        """
        words = {a: s.word for a, s in self._table.said.items()}
        words |= {a: p.word for a, p in self._table.pending.items()}
        unix, shift = self._unix(), -self._unix_less_monotonic
        obeyed = self._overrides if kind == OVERRIDE else self._rules
        return {
            address: obeyed.order(word, shift)
            for address, word in sorted(words.items(), key=lambda item: item[0])
            if word is not None
            and not word.over(unix)
            and (address.target, address.kind) == (target, kind)
            and scope in (EVERY_EDGE, address.scope)
        }

    def _restore(
        self,
        kept: Mapping[str, Any],
        overrides: Mapping[str, Override],
        rules: Mapping[str, OperatorRule],
    ) -> None:
        shift = -self._unix_less_monotonic
        try:
            if kept.get("fleet") == self._fleet:
                self._table.restore(kept)
                return
        except ValueError as error:
            self._log.warning("standing.unusable", file="standing.json", reason=str(error))
        self._table.adopt({key: as_word(override, shift) for key, override in overrides.items()})
        self._table.adopt({key: as_word(rule, shift) for key, rule in rules.items()}, SPILL)

    def _hear(self, entry: Entry) -> None:
        self._begin()
        stated = None
        try:
            address = address_of(entry.key)
            if address is not None and entry.value is not None:
                stated = unpacked(entry.value, address.kind)
        except ValueError as error:
            self._log.warning("word.unreadable", bucket_key=entry.key, reason=str(error))
            return
        self._revision = max(self._revision, entry.revision)
        if address is None:
            return
        word, was = stated or (None, None)
        if self._table.hear(address, Said(word, entry.revision, was)) is Effect.LOST:
            self._lost.add((address.target, address.kind))
            self._log.warning(
                "word.lost", target=address.target, edge=address.scope,
                reason="it was cleared meanwhile" if word is None
                else f"{word.who} said {word.in_words} meanwhile: {word.why}",
            )  # fmt: skip
        self._wake.set()

    async def _publish(self) -> None:
        """Have answers obey the tables; where that fails it is due still, and nothing is told."""
        self._unpublished = False
        try:
            await self._republish()
        except BaseException:
            self._unpublished = True
            self._wake.set()
            raise

    def _begin(self) -> None:
        """Take note of another bucket: its revisions are others."""
        if self._store.made and self._table.made != self._store.made:
            self._table.begin(self._store.made)
            self._revision, self._obeyed = 0, 0

    async def _write_pending(self) -> None:
        """Write what is pending, as far as a quorum confirms it."""
        for address in list(self._table.pending):
            pending = self._table.pending.get(address)  # another may have been said meanwhile
            if pending is None:
                continue
            if not self._store.quorum or not await self._write(address, pending):
                return

    async def _write(self, address: Address, pending: Pending) -> bool:
        """Write what is pending there; it stays so where that cannot be confirmed: False."""
        try:
            if pending.word is None and not pending.again:
                revision = await self._store.delete(address.key, revision=pending.upon)
            else:
                value = packed(pending.word, pending.was if pending.again else None)
                revision = await self._store.put(address.key, value, revision=pending.upon)
        except FleetUnavailable:
            return False
        except FleetConflict:
            return True  # what stands instead is heard, and resolves it
        self._table.written(address, pending, revision)
        self._revision = max(self._revision, revision)
        return True

    async def _tidy(self) -> None:
        """Delete words that have been over for so long that they are over at every edge."""
        if not self._store.quorum:
            return
        for address in self._table.over(self._unix() - _KEPT_OVER):
            said = self._table.said.get(address)
            if said is None:
                continue  # the bucket is another one by now
            with contextlib.suppress(FleetUnavailable, FleetConflict):
                if said.was is None:
                    await self._store.delete(address.key, revision=said.revision)
                else:  # an edge that comes back may know of a newer one
                    value = packed(None, said.was)
                    await self._store.put(address.key, value, revision=said.revision)

    def _pending_on(self, targets: set[tuple[str, Kind]]) -> bool:
        return any((address.target, address.kind) in targets for address in self._table.pending)

    def _open(self, targets: set[tuple[str, Kind]], scope: str) -> bool:
        """Whether an edge that is heard does not obey what is said of the targets yet."""
        live = self._store.edges()
        behind = any(edge in live for edge in self._without(targets, scope))
        return self._pending_on(targets) or behind or self._obeyed < self._revision

    def _without(self, targets: set[tuple[str, Kind]], scope: str) -> tuple[str, ...]:
        """The edges that do not obey what the fleet says of the targets, or may not."""
        said = [s.revision for a, s in self._table.said.items() if (a.target, a.kind) in targets]
        wanted = max(said, default=0)
        asked = self._asked(scope)
        obeyed = self._store.obeyed()
        told = {edge for edge in asked if obeyed.get(edge, 0) >= wanted}
        unsaid = asked if self._pending_on(targets) else asked - told
        return tuple(sorted(unsaid - {self.edge}))

    def _asked(self, scope: str) -> set[str]:
        """The edges that a word of this scope is said to."""
        return self._store.every_edge() if scope == EVERY_EDGE else {scope}

    def _ttls(self) -> dict[str, float]:
        """Of each region withdrawn here, for how long answers that name it may live, if they do."""
        said = self.in_force().items()
        withdrawn = [target for target, held in said if held.word.says is not OverrideKind.UP]
        return {target: ttl for target in withdrawn if (ttl := self._ttl_of(target))}

    def _unix(self) -> float:
        """The time of day, in Unix seconds."""
        return time.monotonic() + self._unix_less_monotonic

    def _until_next(self) -> float | None:
        """Seconds until something is due without anything being heard."""
        unix = self._unix()
        end = self._table.next_end(unix + _EARLY)
        due = [max(0.0, end - unix - _EARLY)] if end is not None else []
        due += [_RETRY] if self._table.pending else []
        return min([*due, 60.0])


async def _nothing() -> None:
    pass


def _no_ttl(_: str) -> float:
    return 0.0
