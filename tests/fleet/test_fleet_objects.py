"""What is too large for a key, over connections that are slow, or end in the middle of it."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from harness.linked_edges import linked, until
from harness.nats import nats
from harness.tcp_way import Way, way_to
from nats.js import JetStreamContext

from resolverd.fleet import objects
from resolverd.fleet.connection import BEAT_TIMEOUT
from resolverd.fleet.errors import FleetUnavailable
from resolverd.fleet.link import Link

# Several parts of an object, of which it is cut in the middle of one.
CONTENT = bytes(range(256)) * 4096
HALF = len(CONTENT) // 2
PART = 128 * 1024

# Octets a second, and what takes longer than any proof of the connection is waited for.
RATE = 600_000
_SECONDS = BEAT_TIMEOUT + 1
LARGE = bytes(range(256)) * int(RATE * _SECONDS / 256)
STREAM = "OBJ_resolverd-resolverd-sets"


class SlowEdge(NamedTuple):
    """`other` is behind a slow way, `one` is not; `stream` is JetStream as `one` has it."""

    one: Link
    other: Link
    way: Way
    stream: JetStreamContext


@asynccontextmanager
async def slow_edge(folder: Path) -> AsyncIterator[SlowEdge]:
    """Two edges of a fleet, both with a quorum."""
    async with (
        nats(folder) as server,
        way_to(server.port) as way,
        linked([server.url]) as one,
        linked([f"nats://127.0.0.1:{way.port}"], "ams1") as other,
    ):
        await until(lambda: one.state.quorum and other.state.quorum)
        way.rate = RATE
        yield SlowEdge(one, other, way, one.store._connected().jetstream())


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
        with pytest.raises(FleetUnavailable, match="did not send set whole"):
            await other.store.get_object("set", len(CONTENT))
        await until(lambda: not other.state.connected)
        way.left = sys.maxsize
        await until(lambda: other.state.quorum)
        assert await other.store.get_object("set", len(CONTENT)) == CONTENT


async def test_an_object_that_takes_seconds_costs_no_edge_its_place_in_the_fleet(
    tmp_path: Path,
) -> None:
    """What proves the connection comes between two parts of it, and does not wait for all."""
    async with slow_edge(tmp_path) as (one, other, _, _):
        await one.store.put_object("set", LARGE)
        since = other.state.since
        assert await other.store.get_object("set", len(LARGE)) == LARGE
        assert other.state.quorum
        assert other.state.since == since


async def test_an_object_comes_and_goes_up_for_as_long_as_parts_of_it_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over a long way no bandwidth makes a large one come in the time of a small one."""
    async with slow_edge(tmp_path) as (one, other, _, _):
        await one.store.put_object("set", LARGE)
        monkeypatch.setattr(objects, "TRANSFER_TIMEOUT", _SECONDS / 2)
        began = time.monotonic()
        assert await other.store.get_object("set", len(LARGE)) == LARGE
        await other.store.put_object("other", LARGE)
        assert time.monotonic() - began > _SECONDS


async def test_of_an_object_that_is_waited_for_no_more_nothing_comes_but_the_part_on_its_way(
    tmp_path: Path,
) -> None:
    async with slow_edge(tmp_path) as (one, other, way, _):
        await one.store.put_object("set", LARGE)
        began, subscriptions = way.came, len(other.store._connected()._subs)
        getting = asyncio.create_task(other.store.get_object("set", len(LARGE)))
        await until(lambda: way.came - began > PART)
        await _cancelled(getting)
        came = way.came
        await other.store.current(10)  # all that was on its way before that has come
        assert way.came - came < 2 * PART
        assert len(other.store._connected()._subs) == subscriptions


async def test_what_did_not_go_up_whole_is_not_kept(tmp_path: Path) -> None:
    """An upload that is not over in its time is cancelled too, and so is one by Ctrl-C."""
    async with slow_edge(tmp_path) as (_, other, _, stream):
        putting = asyncio.create_task(other.store.put_object("set", LARGE))
        await until(partial(_kept, stream))
        await _cancelled(putting)
        assert not await _kept(stream)


async def _kept(stream: JetStreamContext) -> bool:
    infos = [info for info in await stream.streams_info() if info.config.name == STREAM]
    return any(info.state.messages for info in infos)


async def _cancelled(task: asyncio.Task[object]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
