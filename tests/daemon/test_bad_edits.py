"""Invariant 4: a bad edit changes nothing, while queries keep being answered.

Every edit is made under load. The load fails the test when one query is lost or answered
otherwise than before.
"""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from harness.config import address_of
from live_daemon import (
    DUBLIN,
    NETWORKS,
    TOKYO,
    Endpoint,
    Files,
    addresses,
    ask,
    good_config,
    until,
    zone_text,
)
from mmdb_writer import mmdb_bytes, write_mmdb

from resolverd.daemon import Daemon

MMDB_TEST = Path(__file__).parents[1] / "geo" / "mmdb-test"


@asynccontextmanager
async def load(daemon: Daemon, *expected: tuple[str, str, set[str]]) -> AsyncIterator[list[int]]:
    """Ask (QNAME, client) pairs without pause; each must get just these addresses."""
    asked = [0]
    over = asyncio.Event()

    async def keep_asking() -> None:
        while not over.is_set():
            for qname, client, wanted in expected:
                assert addresses(await ask(daemon, qname, client)) == wanted
                asked[0] += 1

    tasks = [asyncio.create_task(keep_asking()) for _ in range(4)]
    try:
        yield asked
    finally:
        over.set()
        await asyncio.gather(*tasks)


AS_BEFORE = (
    ("www.inference.example", TOKYO, {"192.0.2.80"}),
    ("chat.inference.example", TOKYO, {address_of("ap-northeast")}),
    ("chat.inference.example", DUBLIN, {address_of("eu-west")}),
)


def _zone(files: Files, old: str, new: str) -> None:
    text = files.zone.read_text()
    assert old in text
    files.zone.write_text(text.replace(old, new))


def _toml(files: Files, old: str, new: str) -> None:
    text = files.config.read_text()
    assert old in text
    files.config.write_text(text.replace(old, new, 1))


BAD_EDITS: dict[str, tuple[Callable[[Files], object], str]] = {
    "zone syntax": (
        lambda f: _zone(f, "www 60 A 192.0.2.80", "www 60 A 192.0.2.999"),
        "example.zone:6:10: zone-bad-rdata",
    ),
    "zone without SOA": (
        lambda f: f.zone.write_text("$ORIGIN inference.example.\n$TTL 60\n@ NS ns1.other.\n"),
        "zone-missing-soa",
    ),
    "DYNA of an unknown service": (
        lambda f: _zone(f, "DYNA chat", "DYNA chatt"),
        "did you mean",
    ),
    "empty zone file": (lambda f: f.zone.write_text(""), "example.zone"),
    "zone removed": (lambda f: f.zone.unlink(), "zone"),
    "TOML syntax": (
        lambda f: _toml(f, "[server]", "[server"),
        "resolverd.toml:1:",
    ),
    "unknown option": (
        lambda f: _toml(f, "coordinates", "coordinats"),
        "resolverd.toml:2:1: config-unknown-key: server.coordinats",
    ),
    "unknown region": (
        lambda f: _toml(f, '"us-east", "us-west"', '"us-esat", "us-west"'),
        "did you mean us-west or us-east?",
    ),
    "a table of another kind": (
        lambda f: f.config.write_text("region = 1\n" + f.config.read_text()),
        "config-syntax",
    ),
    "an option of another kind": (
        lambda f: _toml(f, "[service.chat]", "[service]\nchat = 1\n[service.chatt]"),
        "service.chat has to be a table",
    ),
    "TOML emptied": (lambda f: f.config.write_text(""), "config-missing"),
    "database truncated": (
        lambda f: f.database.write_bytes(f.database.read_bytes()[:-60]),
        "city.mmdb",
    ),
    "database of another type": (
        lambda f: f.database.write_bytes((MMDB_TEST / "GeoLite2-ASN-Test.mmdb").read_bytes()),
        "ASN",
    ),
    "database with a broken tree": (
        lambda f: f.database.write_bytes(
            (MMDB_TEST / "MaxMind-DB-test-broken-search-tree-24.mmdb").read_bytes()
        ),
        "city.mmdb",
    ),
    "database is not one": (lambda f: f.database.write_text("<html>404</html>"), "city.mmdb"),
    "database removed": (lambda f: f.database.unlink(), "city.mmdb"),
}


@pytest.mark.parametrize(("edit", "reason"), BAD_EDITS.values(), ids=BAD_EDITS.keys())
async def test_a_bad_edit_changes_nothing_and_says_how_to_fix_it(
    daemon: Daemon, files: Files, edit: Callable[[Files], object], reason: str
) -> None:
    before = daemon.snapshot.plan
    kept = {path: path.read_bytes() for path in (files.config, files.zone, files.database)}
    async with load(daemon, *AS_BEFORE) as asked:
        edit(files)
        await until(lambda: reason in daemon.reloads.last)
        seen = asked[0]
        await until(lambda: asked[0] > seen + 20)
    assert daemon.snapshot.plan is before
    assert reason in daemon.reloads.last
    assert "hint:" in daemon.reloads.last

    for path, content in kept.items():
        path.write_bytes(content)
    await until(lambda: daemon.reloads.adopted > 0)
    assert addresses(await ask(daemon, "www.inference.example")) == {"192.0.2.80"}


async def test_a_good_edit_is_adopted_without_losing_a_query(
    daemon: Daemon, files: Files, endpoints: dict[str, Endpoint]
) -> None:
    async with load(daemon, AS_BEFORE[1]) as asked:
        files.zone.write_text(zone_text("192.0.2.81", serial=8))
        await until(lambda: daemon.reloads.adopted == 1)
        files.config.write_text(good_config(endpoints, server='nsid = "edge-1"', ttl="30s"))
        await until(lambda: daemon.reloads.adopted == 2)
        seen = asked[0]
        await until(lambda: asked[0] > seen + 20)
    assert addresses(await ask(daemon, "www.inference.example")) == {"192.0.2.81"}
    answer = await ask(daemon, "chat.inference.example")
    assert [rrset.ttl for rrset in answer.answer] == [30]


async def test_a_replaced_database_moves_its_clients(daemon: Daemon, files: Files) -> None:
    """An atomic rename, as fetching does it; 2.0.0.0/8 now stands in Japan."""
    moved = dict.fromkeys(NETWORKS, NETWORKS["1.0.0.0/8"])
    staged = files.database.with_suffix(".new")
    staged.write_bytes(mmdb_bytes(moved))
    staged.rename(files.database)
    await until(lambda: daemon.reloads.adopted == 1)
    answer = await ask(daemon, "chat.inference.example", DUBLIN)
    assert addresses(answer) == {address_of("ap-northeast")}


async def test_nothing_keeps_a_database_that_was_replaced(
    daemon: Daemon, files: Files, collected_by_count: None
) -> None:
    """A city database takes 100 MB of memory."""
    replaced = weakref.ref(daemon.inputs.locator)
    write_mmdb(files.database, dict.fromkeys(NETWORKS, NETWORKS["1.0.0.0/8"]))
    await until(lambda: daemon.reloads.adopted == 1)
    await until(lambda: replaced() is None)


@pytest.fixture
def collected_by_count() -> Iterator[None]:
    """Nothing goes that waits for the search for garbage, which may come hours later."""
    gc.disable()
    yield
    gc.enable()


async def test_a_fragment_dropped_beside_the_configuration_adds_an_endpoint(
    daemon: Daemon, files: Files, endpoints: dict[str, Endpoint]
) -> None:
    fragments = files.config.with_suffix(".d")
    fragments.mkdir()
    (fragments / "tokyo-2.toml").write_text(
        "[[region.ap-northeast.endpoint]]\n"
        f'address = ["192.0.2.41"]\nurl = "{endpoints["ap-northeast"].url}"\n'
    )
    await until(lambda: daemon.reloads.adopted == 1)
    answer = await ask(daemon, "chat.inference.example")
    assert addresses(answer) == {address_of("ap-northeast"), "192.0.2.41"}
