"""The embedded database is unpacked once where something can be kept, and never believed unseen."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from resolverd.dns.prefix import Prefix
from resolverd.errors import GeoError
from resolverd.geo import embedded
from resolverd.geo.kept_embedded import DIRECTORY, KeptEmbedded
from resolverd.geo.locator import Locator

CLIENT = Prefix(32, 0x08080808, 32)


@pytest.fixture
def unpacked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One element for each time that it is unpacked."""
    times: list[int] = []
    content = embedded.content

    def counted() -> bytes:
        times.append(1)
        return content()

    monkeypatch.setattr(embedded, "content", counted)
    return times


def descriptors() -> int:
    """How many there are, without those that earlier tests have left."""
    gc.collect()
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


async def kept(state: Path) -> Locator:
    """A start that keeps what it has."""
    locator = await Locator.load([], stamps=state)
    KeptEmbedded(state).keep(locator.databases)
    return locator


def place(state: Path) -> Path:
    """Where it lies."""
    return state / DIRECTORY / f"{embedded.SHA256}.mmdb"


async def test_a_second_start_reads_what_the_first_unpacked(
    tmp_path: Path, unpacked: list[int]
) -> None:
    state = tmp_path / "state"
    first, second = await kept(state), await kept(state)
    assert len(unpacked) == 1
    assert first.describe() == second.describe()
    assert first.locate(CLIENT) == second.locate(CLIENT)
    assert first.locate(CLIENT).place is not None
    assert [database.sha256 for database in second.databases] == [embedded.SHA256]
    assert place(state).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"another", None], ids=["cut", "another", "flipped"])
async def test_what_is_not_the_very_same_is_unpacked_anew_and_kept(
    tmp_path: Path, unpacked: list[int], content: bytes | None
) -> None:
    path = place(tmp_path)
    await kept(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]) if content is None else content)
    before = descriptors()
    (database,) = Locator.embedded(tmp_path).databases
    database.close()
    assert descriptors() == before
    assert (database.sha256, len(unpacked)) == (embedded.SHA256, 2)
    assert path.exists(), "who only reads, as check does, takes nothing away"
    await kept(tmp_path)
    assert path.read_bytes() == whole
    await kept(tmp_path)
    assert len(unpacked) == 3


async def test_it_is_not_kept_where_other_databases_serve(tmp_path: Path) -> None:
    await kept(tmp_path)
    KeptEmbedded(tmp_path).keep([])
    assert not place(tmp_path).exists()


async def test_that_of_an_earlier_release_goes_and_what_is_others_stays(tmp_path: Path) -> None:
    """An operator may put a database of his own below server.state, of whatever name."""
    earlier = [
        place(tmp_path).with_name(name.format("0" * 64)) for name in ("{}.mmdb", ".{}.mmdb.new")
    ]
    own_unfinished = place(tmp_path).with_name(f".{embedded.SHA256}.mmdb.new")
    own = [tmp_path / embedded.NAME, place(tmp_path).with_name("city.mmdb")]
    place(tmp_path).parent.mkdir()
    for path in (*earlier, own_unfinished, *own):
        path.write_bytes(b"a database")
    for databases in ((await kept(tmp_path)).databases, ()):
        KeptEmbedded(tmp_path).keep(databases)
        assert not any(path.exists() for path in (*earlier, own_unfinished))
        assert all(path.exists() for path in own)


async def test_where_it_cannot_be_kept_it_serves_and_says_so_once(
    tmp_path: Path, unpacked: list[int]
) -> None:
    state = tmp_path / "state"
    state.write_text("no directory")
    keeping = KeptEmbedded(state)
    with capture_logs() as events:
        for _ in range(2):
            locator = await Locator.load([], stamps=state)
            keeping.keep(locator.databases)
            assert locator.locate(CLIENT).place is not None
    assert len(unpacked) == 2
    assert [event["event"] for event in events] == ["geo.not_kept"]


async def test_it_takes_no_room_that_others_need(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locator = Locator.embedded()
    keeping = KeptEmbedded(tmp_path)
    statvfs = os.statvfs

    def full(path: Path) -> os.statvfs_result:
        found = list(statvfs(path))
        found[4] = (40 << 20) // found[1]  # f_bavail, of f_frsize octets each
        return os.statvfs_result(found)

    with monkeypatch.context() as patch, capture_logs() as events:
        patch.setattr(os, "statvfs", full)
        keeping.keep(locator.databases)
    assert not place(tmp_path).exists()
    assert "less than 64 MiB" in events[0]["reason"]
    keeping.keep(locator.databases)
    assert place(tmp_path).exists()


async def test_without_proc_it_is_unpacked_rather_than_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unpacked: list[int]
) -> None:
    """What is read again may be another by then."""
    await kept(tmp_path)

    def unopened(descriptor: int) -> None:
        os.close(descriptor)
        place(tmp_path).write_bytes(b"another")

    monkeypatch.setattr("resolverd.geo.database.open_sealed", unopened)
    (database,) = Locator.embedded(tmp_path).databases
    assert (database.sha256, len(unpacked)) == (embedded.SHA256, 2)


async def test_a_damaged_installation_is_told_apart_whatever_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await kept(tmp_path)
    monkeypatch.setattr(embedded, "SHA256", "0" * 64)
    with pytest.raises(GeoError, match="not the one that was shipped"):
        Locator.embedded(tmp_path)
