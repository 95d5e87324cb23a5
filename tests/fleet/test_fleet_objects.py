"""What is too large for a key, over connections that end in the middle of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from harness.linked_edges import linked, until
from harness.nats import nats
from harness.tcp_way import way_to

from resolverd.fleet.errors import FleetUnavailable

# Several parts of an object, of which it is cut in the middle of one.
CONTENT = bytes(range(256)) * 4096
HALF = len(CONTENT) // 2


async def test_of_an_object_whose_connection_ends_in_the_middle_nothing_is_returned(
    tmp_path: Path,
) -> None:
    """It is fetched again later, and taken for damaged by nobody."""
    async with (
        nats(tmp_path) as server,
        way_to(server.port) as way,
        linked([server.url]) as one,
        linked([f"nats://127.0.0.1:{way.port}"], "ams1") as other,
    ):
        await until(lambda: one.state.quorum and other.state.quorum)
        await one.store.put_object("set", CONTENT)
        way.left = HALF
        with pytest.raises(FleetUnavailable, match="before set was there whole"):
            await other.store.get_object("set", len(CONTENT))
        await until(lambda: not other.state.connected)
        way.left = sys.maxsize
        await until(lambda: other.state.quorum)
        assert await other.store.get_object("set", len(CONTENT)) == CONTENT
