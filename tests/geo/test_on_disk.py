"""A database that leaves memory to its kept copy, and comes back: it places all the while."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from harness.hanging import hanging_mount
from harness.waiting import wait_until
from mmdb_writer import mmdb_bytes

from resolverd.dns.prefix import host_prefix
from resolverd.errors import GeoError
from resolverd.files.reading import THREADS
from resolverd.geo.database import Database
from resolverd.geo.place import Located

CONTENT = mmdb_bytes({"192.0.2.0/24": {"country_code": "SG"}})
OTHER = mmdb_bytes({"192.0.2.0/24": {"country_code": "DE"}})


def placed(database: Database) -> Located:
    host = host_prefix("192.0.2.7")
    return database.locate(host.address, host.bits)


def in_memory(database: Database) -> bool:
    assert database.shared_path is not None
    return "/memfd:" in os.readlink(database.shared_path)  # noqa: PTH115 - it is no path


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The octets, as they were kept."""
    path = tmp_path / "kept"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def database() -> Database:
    """One in memory."""
    opened = Database.of(CONTENT, "city.mmdb")
    assert in_memory(opened)
    return opened


def test_places_are_the_same_on_disk_and_in_memory_again(database: Database, copy: Path) -> None:
    before = placed(database)
    database.leave_memory(copy)
    assert not in_memory(database)
    assert placed(database) == before
    database.return_to_memory()
    assert in_memory(database)
    assert placed(database) == before


def test_no_descriptor_is_left_behind(database: Database, copy: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(3):
        database.leave_memory(copy)
        database.leave_memory(copy)
        database.return_to_memory()
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


@pytest.mark.parametrize("content", [None, OTHER, CONTENT[:-1], b""])
def test_a_copy_of_other_octets_is_not_read(
    database: Database, copy: Path, content: bytes | None
) -> None:
    copy.unlink()
    if content is not None:
        copy.write_bytes(content)
    database.leave_memory(copy)
    assert in_memory(database)


def test_whoever_compiles_has_it_in_memory_again(database: Database, copy: Path) -> None:
    database.leave_memory(copy)
    with database.lend() as content:
        assert bytes(content[:]) == CONTENT
        assert in_memory(database)
    assert database.holds_text("SG")


def test_a_copy_that_is_replaced_or_removed_stays_the_one_that_is_read(
    database: Database, copy: Path
) -> None:
    before = placed(database)
    database.leave_memory(copy)
    fresh = copy.with_suffix(".new")
    fresh.write_bytes(OTHER)
    fresh.replace(copy)
    assert placed(database) == before
    copy.unlink()
    database.return_to_memory()
    assert placed(database) == before


def test_a_copy_that_is_damaged_meanwhile_is_told_and_never_taken(
    database: Database, copy: Path
) -> None:
    database.leave_memory(copy)
    copy.write_bytes(OTHER)
    with pytest.raises(GeoError, match="what was kept of it is damaged"):
        database.return_to_memory()
    copy.write_bytes(CONTENT)
    database.return_to_memory()
    assert in_memory(database)


def test_a_copy_that_is_cut_short_meanwhile_costs_no_process(
    database: Database, copy: Path
) -> None:
    database.leave_memory(copy)
    os.truncate(copy, 0)
    placed(database)
    with pytest.raises(GeoError):
        database.return_to_memory()


def test_without_memory_files_nothing_moves(monkeypatch: pytest.MonkeyPatch, copy: Path) -> None:
    monkeypatch.setattr("resolverd.geo.private.memory_file", lambda name: None)
    database = Database.of(CONTENT, "city.mmdb")
    before = placed(database)
    database.leave_memory(copy)
    database.return_to_memory()
    assert database.shared_path is None
    assert placed(database) == before


def test_a_copy_whose_disk_hangs_is_not_waited_for(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, state = placed(database), tmp_path / "state"
    state.mkdir()
    with hanging_mount(state):
        monkeypatch.setattr(THREADS, "limit", 0.1)
        database.leave_memory(state / "kept")
        assert in_memory(database)
        database.return_to_memory()
    assert placed(database) == before
    wait_until(lambda: not THREADS.hanging, within=20)
