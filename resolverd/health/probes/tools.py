"""What all probes share: two HTTP sessions and a book of addresses.

The first session keeps connections alive between probes. The second opens a new one for
each request: it serves the second try after a kept connection turned out to be closed.
Names are resolved by the book, in the background, so that no probe waits for another's
nameserver, and a nameserver's failure is not taken for an endpoint's.
"""

from __future__ import annotations

import asyncio
import socket

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from resolverd.health.addresses import AddressBook

# Longer than the usual probe interval; a server that closes sooner is seen to have closed.
_KEEPALIVE = 75.0

# The flow-control mark of a response's stream: reading pauses at twice this many bytes.
_READ_BUFFER = 16 * 1024


class BookResolver(AbstractResolver):
    """aiohttp's resolver, answered from an `AddressBook`."""

    def __init__(self, book: AddressBook) -> None:
        self._book = book

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The last known addresses. Raises OSError when there are none."""
        addresses = await self._book.tried(host)
        if not addresses:
            raise OSError("no address known")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing to release: the book belongs to `Tools`."""


class Tools:
    """Shared by every probe of a monitor; made and closed inside a running event loop."""

    def __init__(self, book: AddressBook) -> None:
        self.book = book
        self.session = _session(book, fresh=False)
        self.fresh_session = _session(book, fresh=True)

    async def close(self) -> None:
        """Close every connection at once."""
        await asyncio.gather(self.session.close(), self.fresh_session.close())


def _session(book: AddressBook, *, fresh: bool) -> aiohttp.ClientSession:
    # No limits on connections: a limit would let probes that hang delay others. The monitor
    # bounds how many probes of one target can be in flight.
    connector = aiohttp.TCPConnector(
        limit=0,
        limit_per_host=0,
        resolver=BookResolver(book),
        use_dns_cache=False,
        **({"force_close": True} if fresh else {"keepalive_timeout": _KEEPALIVE}),
    )
    session = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        read_bufsize=_READ_BUFFER,
        # `run` bounds the whole probe; aiohttp's own timers would only cost.
        timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None),
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
    )
    # aiohttp asks twice by itself, perhaps on one closed connection after another, and has
    # no public switch for it. The second try is the http probe's to make, on a new one.
    session._retry_connection = False
    return session
