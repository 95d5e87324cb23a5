"""Databases that a start begins with beside its imports: read once, as by any other load."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from mmdb_writer import mmdb_bytes, write_mmdb

from resolverd.abi.library import why_not
from resolverd.errors import GeoError
from resolverd.files.reading import Reads, key_of
from resolverd.geo import preload
from resolverd.geo.check import open_checked
from resolverd.geo.database import Database
from resolverd.geo.memory_copy import MemoryCopy

pytestmark = pytest.mark.skipif(why_not() is not None, reason="the native library is not built")


@pytest.fixture(autouse=True)
def _none_begun() -> Iterator[None]:
    yield
    preload.drop()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration that names city.mmdb, which is there."""
    write_mmdb(tmp_path / "city.mmdb", {"192.0.2.0/24": {"country_code": "SG"}})
    path = tmp_path / "resolverd.toml"
    path.write_text('[server]\ngeoip = ["city.mmdb"]\nstate = "state"\n')
    return path


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were opened."""
    paths: list[Path] = []
    copied = Database.copied

    def opening(copy: MemoryCopy | None, path: Path) -> Database:
        paths.append(path)
        return copied(copy, path)

    monkeypatch.setattr(Database, "copied", opening)
    return paths


def loaded(path: Path, stamps: Path | None = None) -> tuple[Database, Reads]:
    reads = Reads()
    with reads.noted():
        database, _ = open_checked(path, stamps=stamps)
    return database, reads


def test_what_was_begun_is_taken_once_and_noted_as_read(config: Path, opened: list[Path]) -> None:
    path = config.parent / "city.mmdb"
    preload.begin(config, [])
    database, reads = loaded(path)
    assert opened == [path]
    assert reads.seen[key_of(path)].content == database.sha256
    again, _ = loaded(path)
    assert opened == [path, path]
    assert again is not database


def test_its_places_are_read_by_then_unless_it_is_known_to_have_passed(config: Path) -> None:
    path, stamps = config.parent / "city.mmdb", config.parent / "state"
    for known in (False, True):
        preload.begin(config, [])
        database = preload.taken(path)
        assert database is not None
        assert (database._place_index is None) == known
        open_checked(path, stamps=stamps)


def test_an_option_is_laid_over_the_file(config: Path, opened: list[Path]) -> None:
    other = config.parent / "other.mmdb"
    write_mmdb(other, {"192.0.2.0/24": {"country_code": "DE"}})
    preload.begin(config, [("server.geoip", ["other.mmdb"]), ("probe.interval", "1s")])
    loaded(other)
    assert opened == [other]
    assert preload.taken(config.parent / "city.mmdb") is None


@pytest.mark.parametrize("again", ["city.mmdb", "./city.mmdb"])
def test_one_that_is_named_twice_is_opened_once_and_keeps_none_after_it_waiting(
    config: Path, opened: list[Path], again: str
) -> None:
    city, last = config.parent / "city.mmdb", config.parent / "last.mmdb"
    write_mmdb(last, {"192.0.2.0/24": {"country_code": "DE"}})
    preload.begin(config, [("server.geoip", ["city.mmdb", again, "last.mmdb"])])
    begun = preload._begun[key_of(last)]
    assert begun._ended.wait(30)
    assert begun.result() is preload.taken(last)
    assert preload.taken(city) is not None
    assert opened == [city, last]


def test_without_a_thread_nothing_is_begun(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    preload.begin(config, [])
    assert preload.taken(config.parent / "city.mmdb") is None


@pytest.mark.parametrize("content", [None, b"", b"cut off in the mid", b"not a database" * 1000])
def test_a_refused_one_is_refused_with_the_same_words(config: Path, content: bytes | None) -> None:
    path = config.parent / "city.mmdb"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(GeoError) as expected:
        open_checked(path)
    preload.begin(config, [])
    with pytest.raises(GeoError) as found:
        loaded(path)
    assert str(found.value) == str(expected.value)


def test_one_that_fails_its_check_is_refused_by_who_takes_it(config: Path) -> None:
    path = config.parent / "city.mmdb"
    whole = bytearray(mmdb_bytes({"192.0.2.0/24": {"country_code": "SG"}}))
    whole[:3] = b"\xff\xff\xff"  # its first record leads out of the data section
    path.write_bytes(whole)
    preload.begin(config, [])
    with pytest.raises(GeoError, match="points outside the data section"):
        open_checked(path)


@pytest.mark.parametrize(
    "text",
    [
        "[server",
        "server = 3",
        "[server]\ngeoip = 3",
        "[server]\ngeoip = [3]",
        '[server]\ngeoip = ["city.mmdb"]\nstate = 3',
        "[server]",
        "",
    ],
)
def test_where_nothing_can_be_told_nothing_is_begun(config: Path, text: str) -> None:
    config.write_text(text)
    before = threading.active_count()
    preload.begin(config, [])
    assert threading.active_count() == before
    assert preload.taken(config.parent / "city.mmdb") is None
