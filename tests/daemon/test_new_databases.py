"""A database in place of another: one copy in memory at a time, and what is served stays served."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

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
    running,
    until,
)
from mmdb_writer import write_mmdb

from resolverd.abi.library import why_not
from resolverd.daemon import Daemon
from resolverd.dns.prefix import Prefix
from resolverd.files import unchanged
from resolverd.files.reading import each_open_chunk
from resolverd.snapshot import edits, inputs
from resolverd.snapshot.inputs import DATABASES

MOVED = {"1.0.0.0/8": NETWORKS["2.0.0.0/8"], "2.0.0.0/8": NETWORKS["1.0.0.0/8"]}
BOTH_ENGINES = pytest.mark.parametrize(
    "engine",
    [
        "reference",
        pytest.param(
            "native", marks=pytest.mark.skipif(why_not() is not None, reason="it is not built")
        ),
    ],
)


EARLIER: set[int] = set()
"""The copies that were in memory before a test: what daemons of others in this process left."""


def copies() -> int:
    """How many copies of databases this test has in memory, those apart that only cycles hold."""
    gc.collect()
    return len(_in_memory() - EARLIER)


def _in_memory() -> set[int]:
    """The inode of each copy."""
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # that of the listing itself
            if "/memfd:city.mmdb" in os.readlink(entry):  # noqa: PTH115 - it is no path
                found.add(entry.stat().st_ino)
    return found


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The copies in memory each time that a database is about to be loaded in place of another."""
    found: list[int] = []
    load = inputs.open_databases

    async def loading(*arguments: Any) -> Any:
        found.append(copies())
        return await load(*arguments)

    monkeypatch.setattr(edits, "open_databases", loading)
    return found


@pytest.fixture(autouse=True)
def _left_by_others() -> None:
    gc.collect()
    EARLIER.clear()
    EARLIER.update(_in_memory())


@pytest.fixture
async def daemon(
    files: Files, endpoints: dict[str, Endpoint], engine: str
) -> AsyncIterator[Daemon]:
    """One that has kept its files, and adopts edits when it is asked to."""
    server = f'state = "state"\nwatch = false\nengine = "{engine}"\n'
    files.config.write_text(good_config(endpoints, server))
    async with running(files.config) as started:
        await until(lambda: bool(started.reloads.restart))
        await until(lambda: copies() == 1)
        yield started


def adopted(files: Files) -> Path:
    return files.config.parent / "state/adopted"


async def regions(daemon: Daemon) -> list[set[str]]:
    return [
        addresses(await ask(daemon, "chat.inference.example", client)) for client in (TOKYO, DUBLIN)
    ]


def country(daemon: Daemon) -> str | None:
    found = daemon.inputs.locator.locate(Prefix(32, 1 << 24, 32))
    return found.place.country if found.place else None


@BOTH_ENGINES
async def test_a_new_one_takes_the_place_of_the_old_in_memory(
    daemon: Daemon, files: Files, seen: list[int], engine: str
) -> None:
    before = await regions(daemon)
    files.config.write_text(files.config.read_text().replace('ttl = "20s"', 'ttl = "30s"'))
    assert await daemon.reload()
    for networks, expected in ((MOVED, before[::-1]), (NETWORKS, before), (MOVED, before[::-1])):
        write_mmdb(files.database, networks)
        assert await daemon.reload()
        assert await regions(daemon) == expected
        copy = adopted(files) / hashlib.sha256(files.database.read_bytes()).hexdigest()
        await until(copy.exists)
        await until(lambda: copies() == 1)
    # What answers from the database itself needs it until the other is adopted.
    assert seen == [0 if engine == "native" else 1] * 3


@BOTH_ENGINES
async def test_a_refused_one_leaves_the_old_in_memory_and_in_service(
    daemon: Daemon, files: Files, endpoints: dict[str, Endpoint], engine: str
) -> None:
    before, whole = await regions(daemon), files.database.read_bytes()
    files.database.write_bytes(whole[:-60])
    assert not await daemon.reload()
    assert [outdated.part for outdated in daemon.reloads.outdated] == [DATABASES]
    await until(lambda: copies() == 1)  # which a thread lets go of
    assert country(daemon) == "JP"
    assert await regions(daemon) == before
    # And maps can be made of it.
    text = good_config(endpoints, f'state = "state"\nwatch = false\nengine = "{engine}"\n')
    files.config.write_text(f'{text}\n[pin.home]\ncountries = ["JP"]\nregions = ["eu-west"]\n')
    assert not await daemon.reload()
    assert (await regions(daemon))[0] == {address_of("eu-west")}
    await until(lambda: copies() == 1)


@pytest.mark.parametrize("engine", ["reference"])
async def test_a_reload_that_is_asked_for_reads_one_again_where_times_do_not_tell_of_writes(
    daemon: Daemon, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    times: list[int] = []

    def reading(*arguments: Any) -> None:
        times.append(1)
        each_open_chunk(*arguments)

    monkeypatch.setattr(unchanged, "each_open_chunk", reading)
    tells = False
    monkeypatch.setattr(unchanged, "tells_of_writes", lambda _: tells)
    monkeypatch.setattr(unchanged, "time_ns", lambda: time.time_ns() + 60 * 10**9)
    for expected in (1, 2):
        assert await daemon.reload()
        assert len(times) == expected
    tells = True
    for _ in range(3):
        assert await daemon.reload()
    assert len(times) == 3, "once, for what was read before was not known to be the last"
    before = await regions(daemon)
    write_mmdb(files.database, MOVED)
    assert await daemon.reload()
    assert await regions(daemon) == before[::-1]


@BOTH_ENGINES
async def test_what_a_reload_would_do_moves_nothing(
    daemon: Daemon, files: Files, engine: str
) -> None:
    write_mmdb(files.database, MOVED)
    await daemon.forecast()
    await until(lambda: copies() == 1)
    assert country(daemon) == "JP"


@pytest.mark.skipif(why_not() is not None, reason="it is not built")
@pytest.mark.parametrize("engine", ["native"])
async def test_a_copy_that_is_gone_costs_memory_alone(
    daemon: Daemon, files: Files, seen: list[int], engine: str
) -> None:
    before = await regions(daemon)
    for kept in adopted(files).iterdir():
        kept.unlink()
    write_mmdb(files.database, MOVED)
    assert await daemon.reload()
    assert await regions(daemon) == before[::-1]
    assert seen == [1]
    await until(lambda: copies() == 1)
