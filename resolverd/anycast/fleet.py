"""Whether the fleet lets this edge withdraw: the floor, kept in the fleet's store.

Each process of the fleet says each second which addresses it announces, proved, over core NATS. The
others count it for these alone, by when they heard it last on their own clocks: one whose router
has died is no reason to withdraw. The floor itself is one key of the
store, `anycast.floor`, changed by compare-and-set: of two edges that want to leave at once one is
told no.

    join     after the route is proved          leave    before it is withdrawn
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from resolverd.anycast.floor import Floor, FloorError
from resolverd.config.anycast import Anycast
from resolverd.config.fleet import Fleet
from resolverd.errors import ResolverdError

if TYPE_CHECKING:
    from resolverd.fleet.link import Link

HEARTBEAT = 1.0
"""Seconds between two messages of an edge about what it announces."""

# Seconds for one change of the floor, and attempts while others change it at the same time.
_TIMEOUT, _ATTEMPTS = 2.0, 20


class FloorUnknownError(ResolverdError):
    """The fleet cannot be asked; the text says why."""


class SharedFloor(Protocol):
    """Who says whether an address may be withdrawn."""

    async def start(self) -> None:
        """Returns once others have had the time to be heard, or soon where nobody can be."""

    async def stop(self) -> None: ...

    def tell(self, announced: Sequence[str]) -> None:
        """Let the others know which addresses are announced here, and proved."""

    async def join(self, address: str) -> None:
        """Count this edge among those that announce. Raises FloorUnknownError."""

    async def leave(self, address: str, least: int) -> str:
        """Why the address has to stay; empty: it may go. Raises FloorUnknownError."""

    def counts(self, address: str) -> bool:
        """Whether this edge is counted among those that announce."""

    def others(self, address: str) -> int | None:
        """How many other live edges announce an address; None where nobody is asked."""


class NoFloor:
    """No fleet: nobody is asked, and what has to go goes."""

    async def start(self) -> None:
        """Nothing to wait for."""

    async def stop(self) -> None:
        """Nothing to end."""

    def tell(self, announced: Sequence[str]) -> None:
        """Nobody listens."""

    async def join(self, address: str) -> None:
        """Nobody counts."""

    async def leave(self, address: str, least: int) -> str:
        """It may always go."""
        return ""

    def counts(self, address: str) -> bool:
        """Nobody does."""
        return False

    def others(self, address: str) -> int | None:
        """Nobody knows."""
        return None


class FleetFloor:
    """The floor of the fleet that `settings` name; `base` is the configuration's directory."""

    def __init__(
        self,
        settings: Fleet,
        anycast: Anycast,
        base: Path,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        # A daemon without a fleet, and an edge without one, load nothing of NATS.
        from resolverd.fleet import names
        from resolverd.fleet.link import Link

        self._edge = settings.edge_name
        self._link: Link = Link(settings, base, lambda _: None, marker="announcers")
        self._key = names.key("anycast", "floor")
        self._subject = names.subject(settings.name, "anycast", self._edge)
        self._start_wait, self._valid, self._clock = settings.start_wait, anycast.edge_valid, clock
        self._heard: dict[str, tuple[float, frozenset[str]]] = {}
        self._link.subscribe(names.subject(settings.name, "anycast") + ".*", self._hear)

    async def start(self) -> None:
        """Connect, and hear the others once, or give up after `start_wait`."""
        await self._link.start()
        begun = self._clock()
        try:
            await self._current(self._start_wait)
        except FloorUnknownError:
            return
        await asyncio.sleep(max(0.0, 2 * HEARTBEAT - (self._clock() - begun)))

    async def stop(self) -> None:
        """End the connection."""
        await self._link.stop()

    def tell(self, announced: Sequence[str]) -> None:
        """Let the others know which addresses are announced here, and proved."""
        # Who says so is told by the subject, whatever the message says.
        message = {"edge": self._edge, "announced": list(announced)}
        self._link.publish(self._subject, json.dumps(message).encode())

    async def join(self, address: str) -> None:
        """Count this edge among those that announce. Raises FloorUnknownError."""
        await self._change(lambda floor: floor.joined(address, self._edge))

    async def leave(self, address: str, least: int) -> str:
        """Why the address has to stay; empty: it may go. Raises FloorUnknownError."""
        return await self._change(
            lambda floor: floor.left(address, self._edge, self._live(address), least)
        )

    def counts(self, address: str) -> bool:
        """Whether this edge is counted among those that announce."""
        try:
            return self._edge in self._floor()[0].edges.get(address, frozenset())
        except FloorError:
            return False

    def others(self, address: str) -> int | None:
        """How many other live edges announce an address."""
        try:
            return len(self._floor()[0].others(address, self._edge, self._live(address)))
        except FloorError:
            return None

    def _live(self, address: str) -> frozenset[str]:
        """The edges that said of late that they announce it."""
        now = self._clock()
        return frozenset(
            edge
            for edge, (at, announced) in self._heard.items()
            if now - at <= self._valid and address in announced
        )

    def _hear(self, subject: str, payload: bytes) -> None:
        from resolverd.fleet import names

        try:
            edge = names.untoken(subject.rpartition(".")[2])
            announced = frozenset(map(str, json.loads(payload)["announced"]))
        except (ValueError, KeyError, TypeError, RecursionError):
            return  # no edge writes it
        now = self._clock()
        live = {e: said for e, said in self._heard.items() if now - said[0] <= self._valid}
        self._heard = {**live, edge: (now, announced)}

    async def _change(self, change: Callable[[Floor], Floor | str]) -> str:
        """Compare and set until it holds; why it may not be, or empty."""
        from resolverd.fleet.errors import FleetConflict, FleetUnavailable

        try:
            async with asyncio.timeout(_TIMEOUT):
                for _ in range(_ATTEMPTS):
                    await self._link.store.current(_TIMEOUT)
                    floor, revision = self._floor()
                    changed = change(floor)
                    if isinstance(changed, str):
                        return changed
                    if changed.octets() == floor.octets():
                        return ""
                    try:
                        await self._link.store.put(self._key, changed.octets(), revision=revision)
                    except FleetConflict:
                        continue
                    return ""
        except TimeoutError:
            raise FloorUnknownError(f"the fleet has not answered in {_TIMEOUT:g} s") from None
        except (FleetUnavailable, FloorError) as error:
            raise FloorUnknownError(f"the fleet cannot be asked: {error}") from error
        raise FloorUnknownError("the floor is changed by others all the time")

    async def _current(self, seconds: float) -> None:
        from resolverd.fleet.errors import FleetUnavailable

        try:
            await self._link.store.current(seconds)
        except FleetUnavailable as error:
            raise FloorUnknownError(str(error)) from error

    def _floor(self) -> tuple[Floor, int]:
        """The floor that was heard last, and its revision; 0 before the first."""
        entry = self._link.store.known(self._key).get(self._key)
        return (Floor({}), 0) if entry is None else (Floor.read(entry.value), entry.revision)
