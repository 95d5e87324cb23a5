"""NATS impaired: far away, cut off without a word, its disk full, and clocks that are wrong."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from harness.linked_edges import edge, linked, until
from harness.nats import NatsServer, nats
from harness.tcp_way import way_to

from resolverd.fleet.connection import BEAT_INTERVAL, BEAT_TIMEOUT
from resolverd.fleet.errors import FleetUnavailable
from resolverd.fleet.link import Link
from resolverd.health.overrides import OverrideKind

FOUND = BEAT_INTERVAL + BEAT_TIMEOUT + 3.0
"""Seconds in which a way that swallows everything has to be found."""


async def test_a_server_half_a_second_away_is_as_good_as_a_near_one(tmp_path: Path) -> None:
    async with nats(tmp_path) as server, way_to(server.port) as way:
        way.delay = 0.25
        async with linked([f"nats://127.0.0.1:{way.port}"]) as link:
            await until(lambda: link.state.quorum)
            since = link.state.since
            for number in range(5):
                await link.store.put("words.a", b"%d" % number)
            await link.store.current(10)
            assert (link.state.quorum, link.state.since) == (True, since)


async def test_a_server_too_slow_to_confirm_is_no_quorum_and_no_end(tmp_path: Path) -> None:
    async with (
        nats(tmp_path) as server,
        way_to(server.port) as way,
        linked([f"nats://127.0.0.1:{way.port}"]) as link,
    ):
        await until(lambda: link.state.quorum)
        way.delay = 1.5
        with pytest.raises(FleetUnavailable):
            await link.store.put("words.a", b"1")
        await until(lambda: not link.state.quorum)
        way.delay = 0.0
        await until(lambda: link.state.quorum)


async def test_a_way_that_swallows_everything_is_found_and_another_taken(tmp_path: Path) -> None:
    async with nats(tmp_path) as server, way_to(server.port) as one, way_to(server.port) as other:
        urls = [f"nats://127.0.0.1:{way.port}" for way in (one, other)]
        async with linked(urls) as link:
            await until(lambda: link.state.quorum)
            (one if link.state.server == urls[0] else other).cut = True
            used, began = link.state.server, time.monotonic()
            await until(lambda: link.state.server != used and link.state.quorum)
            assert time.monotonic() - began < FOUND


async def test_two_edges_apart_hold_on_to_what_they_knew_and_agree_once_they_meet(
    tmp_path: Path,
) -> None:
    async with (
        nats(tmp_path) as server,
        way_to(server.port) as way,
        edge([server.url], "fra1") as fra,
        edge([f"nats://127.0.0.1:{way.port}"], "ams1") as ams,
    ):
        await until(lambda: len(fra.joined.link.store.edges()) == 2)
        await fra.say(OverrideKind.DRAIN)
        way.cut = True
        await until(lambda: not ams.joined.link.state.quorum)
        told = await fra.say(OverrideKind.DRAIN, "us-east")
        assert told.without == ("ams1",)
        assert ams.obeyed == {"eu-west": "drain"}
        assert ams.joined.troubles()
        way.cut = False
        await until(lambda: ams.obeyed == fra.obeyed != {"eu-west": "drain"})
        await until(lambda: not ams.joined.troubles())


async def _fill(link: Link) -> None:
    for number in range(200):
        await link.store.put(f"generations.{number}", os.urandom(100_000))


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system")
async def test_a_full_disk_is_said_and_heals_once_there_is_room(tmp_path: Path) -> None:
    store = tmp_path / "store"
    mount = f"mkdir -p {store} && mount -t tmpfs -o size=8m tmpfs {store}"
    server = NatsServer(
        tmp_path,
        more=f'jetstream {{ store_dir: "{store}", max_mem: 64MB, max_file: 1GB }}',
        under=("unshare", "--mount", "sh", "-c", f'{mount} && exec "$@"', "sh"),
    )
    await server.start()
    try:
        async with linked([server.url]) as link:
            await until(lambda: link.state.quorum)
            await link.store.put("words.a", b"1")
            with pytest.raises(FleetUnavailable):
                await _fill(link)
            await until(lambda: not link.state.quorum)
            assert link.state.connected
            assert link.store.known("words.")["words.a"].value == b"1"
            # Room alone is not enough: the server has closed its stream, and wants a start.
            await server.kill()
            await server.start()
            await until(lambda: link.state.quorum)
    finally:
        await server.kill()


@pytest.mark.parametrize("step", [3600.0, -3600.0])
async def test_a_clock_that_is_set_ends_no_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: float
) -> None:
    async with (
        nats(tmp_path) as server,
        edge([server.url], "fra1") as fra,
        edge([server.url], "ams1") as ams,
    ):
        await until(lambda: len(fra.joined.link.store.edges()) == 2)
        await fra.say(OverrideKind.DRAIN, seconds=600)
        clock = time.time
        monkeypatch.setattr(time, "time", lambda: clock() + step)
        told = await fra.say(OverrideKind.DRAIN, "us-east", seconds=600)
        assert not told.without
        assert fra.obeyed == ams.obeyed == {"eu-west": "drain", "us-east": "drain"}
        for one in (fra, ams):
            override = one.overrides.get("us-east", time.monotonic())
            assert override is not None
            assert 590 < override.remaining(time.monotonic()) <= 601
        assert len(fra.joined.link.store.edges()) == 2
