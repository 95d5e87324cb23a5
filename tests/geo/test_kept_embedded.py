"""The embedded database is unpacked once where something can be kept, and never believed unseen."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from resolverd.dns.prefix import Prefix
from resolverd.errors import GeoError
from resolverd.geo import embedded
from resolverd.geo.kept_embedded import keep_embedded
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


async def kept(state: Path) -> Locator:
    """A start that keeps what it has."""
    locator = await Locator.load([], stamps=state)
    keep_embedded(state, locator.databases)
    return locator


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
    assert (state / embedded.NAME).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"another", None], ids=["cut", "another", "flipped"])
async def test_what_is_not_the_very_same_is_unpacked_anew_and_kept(
    tmp_path: Path, unpacked: list[int], content: bytes | None
) -> None:
    path = tmp_path / embedded.NAME
    await kept(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]) if content is None else content)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    (database,) = Locator.embedded(tmp_path).databases
    database.close()
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
    assert (database.sha256, len(unpacked)) == (embedded.SHA256, 2)
    await kept(tmp_path)
    assert path.read_bytes() == whole
    await kept(tmp_path)
    assert len(unpacked) == 3


async def test_it_is_not_kept_where_other_databases_serve(tmp_path: Path) -> None:
    await kept(tmp_path)
    keep_embedded(tmp_path, [])
    assert not (tmp_path / embedded.NAME).exists()


async def test_where_it_cannot_be_kept_it_serves(tmp_path: Path, unpacked: list[int]) -> None:
    (tmp_path / "state").write_text("no directory")
    for _ in range(2):
        assert (await kept(tmp_path / "state")).locate(CLIENT).place is not None
    assert len(unpacked) == 2


async def test_a_damaged_installation_is_told_apart_whatever_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await kept(tmp_path)
    monkeypatch.setattr(embedded, "SHA256", "0" * 64)
    with pytest.raises(GeoError, match="not the one that was shipped"):
        Locator.embedded(tmp_path)
