"""What all probes share: HTTP sessions and a book of addresses.

Each request opens a connection of its own (`connection`), over any family or over one alone.
Names are resolved by the book, in the background, so that no probe waits for another's
nameserver, and a nameserver's failure is not taken for an endpoint's.
"""

from __future__ import annotations

import asyncio
import copy
import socket
from collections.abc import Mapping
from functools import lru_cache

from aiohttp.abc import AbstractResolver, ResolveResult

from resolverd.dns.hostnames import is_address
from resolverd.health.addresses import AddressBook
from resolverd.health.canary_turns import CanaryTurn, CanaryTurns
from resolverd.health.family import Family, family_of
from resolverd.health.probes.plain_client import PlainClient
from resolverd.health.probes.poller import Poller
from resolverd.health.probes.session import open_session

# A host is asked about with each probe.
_is_address = lru_cache(maxsize=8192)(is_address)
_SOCKET_FAMILY = {Family.IPV4: socket.AF_INET, Family.IPV6: socket.AF_INET6}


class BookResolver(AbstractResolver):
    """aiohttp's resolver, answered from an `AddressBook` with the addresses of some families."""

    def __init__(self, book: AddressBook, only: Family | None) -> None:
        self._book, self._only = book, only

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The last known addresses. Raises OSError when there are none."""
        addresses = [
            address
            for address in await self._book.tried(host)
            if self._only in (None, family_of(address))
        ]
        if not addresses:
            raise OSError("no address known")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=_SOCKET_FAMILY[family_of(address)],
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing to release: the book belongs to `Tools`."""


class Tools:
    """Shared by every probe of a monitor; made and closed inside a running event loop.

    `session` connects over the families that these tools are for, by default any. `plain` asks in
    the clear, over plain sockets; None where this system has no such thing. `turns` are those of a
    fleet of edges at canaries, and `turn` that of the one target that these tools are for, if any.
    """

    def __init__(
        self,
        book: AddressBook,
        only: Family | None = None,
        plain: PlainClient | None = None,
        turns: CanaryTurns | None = None,
    ) -> None:
        self.book = book
        self.turn: CanaryTurn | None = None
        self._turns = turns
        self._only = only
        self.session = open_session(BookResolver(book, only))
        self.plain = plain or (PlainClient() if Poller.available() else None)
        self._by_family: Mapping[Family, Tools] = (
            {} if only else {family: Tools(book, family, self.plain) for family in Family}
        )

    def over(self, family: Family) -> Tools:
        """The same for connections over one family alone."""
        return self._by_family[family]

    def for_target(self, target: str) -> Tools:
        """The same for one target, with its turn."""
        if self._turns is None:
            return self
        same = copy.copy(self)
        same.turn = self._turns.of(target)
        return same

    async def addresses(self, host: str) -> tuple[str, ...]:
        """The addresses of an address or a name, of the families that these tools are for."""
        known = (host,) if is_address(host) else await self.book.tried(host)
        return tuple(address for address in known if self._only in (None, family_of(address)))

    def only_address(self, host: str) -> str | None:
        """The one address of an address or a name that is known; None where there is a choice."""
        known = (host,) if _is_address(host) else self.book.addresses(host)
        if self._only is not None:
            known = tuple(address for address in known if self._only is family_of(address))
        return known[0] if len(known) == 1 else None

    async def close(self) -> None:
        """Close every connection at once."""
        if self.plain is not None:
            self.plain.close()
        sessions = [self.session, *(tools.session for tools in self._by_family.values())]
        await asyncio.gather(*(session.close() for session in sessions))
