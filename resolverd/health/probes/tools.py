"""What all probes share: HTTP sessions and a book of addresses.

Each request opens a connection of its own (`connection`), over any family or over one alone.
Names are resolved by the book, in the background, so that no probe waits for another's
nameserver, and a nameserver's failure is not taken for an endpoint's.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from resolverd.health.addresses import AddressBook
from resolverd.health.family import Family, family_of
from resolverd.health.lookup import is_address
from resolverd.health.probes.connection import TracingConnector, TracingResponse

# curl's limits on what a server may send ahead of a body (lib/http.h, lib/headers.h).
MAX_HEADER_LINE = 100 * 1024
MAX_HEADERS = 5000

# The flow-control mark of a response's stream: reading pauses at twice this many bytes.
_READ_BUFFER = 16 * 1024

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

    `session` connects over the families that these tools are for, by default any.
    """

    def __init__(self, book: AddressBook, only: Family | None = None) -> None:
        self.book = book
        self._only = only
        self.session = _session(book, only)
        self._by_family: Mapping[Family, Tools] = (
            {} if only else {family: Tools(book, family) for family in Family}
        )

    def over(self, family: Family) -> Tools:
        """The same for connections over one family alone."""
        return self._by_family[family]

    async def addresses(self, host: str) -> tuple[str, ...]:
        """The addresses of an address or a name, of the families that these tools are for."""
        known = (host,) if is_address(host) else await self.book.tried(host)
        return tuple(each for each in known if self._only in (None, family_of(each)))

    async def close(self) -> None:
        """Close every connection at once."""
        sessions = [self.session, *(tools.session for tools in self._by_family.values())]
        await asyncio.gather(*(session.close() for session in sessions))


def _session(book: AddressBook, only: Family | None) -> aiohttp.ClientSession:
    # No limits on connections: a limit would let probes that hang delay others. The monitor
    # bounds how many probes of one target can be in flight.
    session = aiohttp.ClientSession(
        connector=TracingConnector(
            limit=0,
            limit_per_host=0,
            resolver=BookResolver(book, only),
            use_dns_cache=False,
        ),
        response_class=TracingResponse,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        read_bufsize=_READ_BUFFER,
        max_line_size=MAX_HEADER_LINE,
        max_field_size=MAX_HEADER_LINE,
        max_headers=MAX_HEADERS,
        # `run` bounds the whole probe; aiohttp's own timers would only cost.
        timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None),
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
    )
    # aiohttp asks twice by itself, and has no public switch for it: a probe asks once.
    session._retry_connection = False
    return session
