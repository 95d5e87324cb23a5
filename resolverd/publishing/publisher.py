"""Publishing, from the side of whoever does it: one connection to the fleet for one command."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from resolverd.config.fleet import Fleet
from resolverd.errors import ExitCode, ResolverdError
from resolverd.files.threads import detached
from resolverd.fleet.errors import FleetConflict, FleetMissing, FleetUnavailable
from resolverd.fleet.link import Link
from resolverd.publishing import waves
from resolverd.publishing.fleet_ledger import FleetLedger
from resolverd.publishing.model import Generation, Ledger, LedgerError, Outcome, Terms
from resolverd.publishing.packing import digest_of_set, pack, unpack

REACH = 10.0
"""Seconds in which the fleet has to answer with a quorum."""

_MARKER = "publishers"

# Seconds between two looks at what changes without news; and in which an edge that lives is heard.
_LOOK, _LIVES = 0.2, 3.0


class NoSuchGenerationError(ResolverdError):
    """The ledger does not have it, or not as what was asked for."""

    exit_code = ExitCode.USAGE


class LostRaceError(ResolverdError):
    """Somebody else has published meanwhile."""


class Wish(NamedTuple):
    """Who publishes, why, and on what terms."""

    author: str
    note: str
    terms: Terms


class Publisher:
    """The ledger of the fleet of `settings`, reached over `link`."""

    def __init__(self, settings: Fleet, link: Link) -> None:
        self._settings, self._link = settings, link
        self._fleet = FleetLedger(link.store)
        self._news = asyncio.Event()

    @property
    def ledger(self) -> Ledger:
        """As it is now."""
        return self._fleet.ledger

    @property
    def edges(self) -> Mapping[str, dict[str, Any]]:
        """What each edge has said last, and whether it was heard a moment ago (``live``)."""
        heard = self._link.store.edges()
        return {
            edge: {**row, "live": edge in heard and not row.get("stopped")}
            for edge, row in self._fleet.edges().items()
        }

    async def reach(self) -> None:
        """Hear the ledger as it is. Raises FleetUnavailable, LedgerError."""
        self._fleet.follow(self._news.set)
        await self._link.store.current(REACH)
        if self._fleet.trouble:
            raise LedgerError(self._fleet.trouble)

    async def hear_edges(self) -> None:
        """Wait until every edge has been heard that lives, or for so long that it does not."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LIVES):
                while not all(row["live"] or row["stopped"] for row in self.edges.values()):
                    self._news.clear()
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(_LOOK):
                            await self._news.wait()

    async def publish(self, files: Mapping[str, bytes], wish: Wish) -> Generation:
        """Put a checked set on trial. Raises UnderWayError, LostRaceError, FleetUnavailable."""
        digest = await detached(partial(digest_of_set, files))
        self._refuse_while_under_way()
        archive = await detached(partial(pack, files))
        await self._link.store.put_object(digest, archive)
        return await self._put(
            Generation(
                self.ledger.next_number, digest, wish.author, wish.note, time.time(), len(archive),
                len(files), wish.terms,
            )
        )  # fmt: skip

    async def again(self, number: int, wish: Wish) -> Generation:
        """Put the set of an earlier generation on trial. Raises NoSuchGenerationError too."""
        self._refuse_while_under_way()
        earlier = self.ledger.get(number)
        if earlier is None:
            known = ", ".join(str(g.number) for g in self.ledger.generations) or "none"
            raise NoSuchGenerationError(f"there is no generation {number}; there are: {known}")
        if earlier.outcome is not Outcome.COMPLETED:
            raise NoSuchGenerationError(
                f"generation {number} was {earlier.outcome}, so nobody can return to it; "
                "to try its files again, publish them"
            )
        await self.content(earlier)
        now = self.ledger.next_number
        return await self._put(
            replace(
                earlier, number=now, author=wish.author, note=wish.note, at=time.time(),
                terms=replace(wish.terms, accept_losses=True), again=number,
                outcome=Outcome.TRIED, why="",
            )
        )  # fmt: skip

    async def abort(self, why: str) -> Generation | None:
        """End the trial, and return it, if there is one. Raises FleetUnavailable."""
        while (trial := self.ledger.trial) is not None:
            changed = waves.abort(self.ledger, why)
            assert changed is not None
            try:
                await self._fleet.write(changed)
            except FleetConflict:  # an edge has reported meanwhile
                await self._link.store.current(REACH)
                continue
            return self.ledger.get(trial.number)
        return None

    async def content(self, generation: Generation) -> dict[str, bytes]:
        """The set of a generation. Raises NoSuchGenerationError, PackingError, FleetUnavailable."""
        try:
            store = self._link.store
            archive = await store.get_object(generation.digest, generation.octets)
        except FleetMissing as error:
            raise NoSuchGenerationError(
                f"the fleet has the files of generation {generation.number} no more"
            ) from error
        return await detached(partial(unpack, archive, generation.digest))

    async def watch(self, number: int, changed: Callable[[Ledger], None]) -> Outcome:
        """Wait until the trial of `number` is over; `changed` is told of each new ledger."""
        shown: Ledger | None = None
        while True:
            ledger = self.ledger
            if ledger != shown:
                changed(ledger)
                shown = ledger
            generation = ledger.get(number)
            if generation is not None and generation.outcome is not Outcome.TRIED:
                return generation.outcome
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK):
                    await self._news.wait()

    def _refuse_while_under_way(self) -> None:
        if self.ledger.trial is not None:
            waves.publish(self.ledger, self.ledger.generations[-1])  # says whose

    async def _put(self, generation: Generation) -> Generation:
        before = {g.digest for g in self.ledger.generations}
        await self._write(waves.publish(self.ledger, generation))
        for digest in before - {g.digest for g in self.ledger.generations}:
            with contextlib.suppress(FleetUnavailable):  # it stays, and costs its room
                await self._link.store.delete_object(digest)
        return generation

    async def _write(self, ledger: Ledger) -> None:
        try:
            await self._fleet.write(ledger)
        except FleetConflict as error:
            raise LostRaceError(
                "the ledger has changed meanwhile: somebody else published, or an edge reported; "
                "look at it (resolverd publish --list) and try again"
            ) from error


@contextlib.asynccontextmanager
async def publisher(settings: Fleet, base: Path) -> AsyncIterator[Publisher]:
    """A publisher that has heard the ledger. Raises FleetUnavailable, LedgerError."""
    # This process is no edge. All of one host write one key: whatever is written stays in the
    # bucket, and every edge hears it at each start, if only that it was deleted.
    link = Link(settings, base, lambda _state: None, marker=_MARKER)
    await link.start()
    try:
        publishing = Publisher(settings, link)
        await publishing.reach()
        yield publishing
    finally:
        await link.stop()
