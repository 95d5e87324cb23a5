"""What is too large for a key, over connections that end in the middle of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from harness.linked_edges import linked, until
from harness.nats import nats

from resolverd.fleet.errors import FleetUnavailable

# Several parts of an object, of which it is cut in the middle of one.
CONTENT = bytes(range(256)) * 4096
HALF = len(CONTENT) // 2


class Way:
    """A way to the server at `port`, on which connections are cut after `left` octets of it."""

    def __init__(self, port: int) -> None:
        self.left = 1 << 40
        self.url = ""
        self._port = port

    @contextlib.asynccontextmanager
    async def there(self) -> AsyncIterator[Way]:
        """It carries connections while the context lasts."""
        server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.url = f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()

    async def _carry(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_connection("127.0.0.1", self._port)
        ways = [
            asyncio.create_task(_all_of(client, to_server)),
            asyncio.create_task(self._some_of(server, to_client)),
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        to_client.close()
        to_server.close()

    async def _some_of(self, server: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        while self.left > 0 and (octets := await server.read(min(self.left, 1 << 16))):
            self.left -= len(octets)
            client.write(octets)
            await client.drain()


async def _all_of(client: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
    while octets := await client.read(1 << 16):
        server.write(octets)
        await server.drain()


async def test_of_an_object_whose_connection_ends_in_the_middle_nothing_is_returned(
    tmp_path: Path,
) -> None:
    """It is fetched again later, and taken for damaged by nobody."""
    async with (
        nats(tmp_path) as server,
        Way(server.port).there() as way,
        linked([server.url]) as one,
        linked([way.url], "ams1") as other,
    ):
        await until(lambda: one.state.quorum and other.state.quorum)
        await one.store.put_object("set", CONTENT)
        way.left = HALF
        with pytest.raises(FleetUnavailable, match="before set was there whole"):
            await other.store.get_object("set", len(CONTENT))
        await until(lambda: not other.state.connected)
        way.left = 1 << 40
        await until(lambda: other.state.quorum)
        assert await other.store.get_object("set", len(CONTENT)) == CONTENT
