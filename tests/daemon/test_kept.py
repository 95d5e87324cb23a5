"""What outlives a process in `server.state`: drains, and the files adopted last."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from harness.config import address_of
from live_daemon import (
    NETWORKS,
    TOKYO,
    Endpoint,
    Files,
    addresses,
    ask,
    good_config,
    running,
    until,
    zone_text,
)
from mmdb_writer import write_mmdb

from resolverd.admin.operate import OverrideCommand, set_override
from resolverd.geo import embedded
from resolverd.geo.database import Database
from resolverd.health.overrides import OverrideKind


async def test_a_drain_and_the_last_good_files_survive_a_restart(
    files: Files, endpoints: dict[str, Endpoint]
) -> None:
    files.config.write_text(good_config(endpoints, 'state = "state"\n'))
    async with running(files.config) as daemon:
        await set_override(
            daemon, OverrideCommand("ap-northeast", OverrideKind.DRAIN, "op", "disks", None)
        )
        await until(lambda: bool(daemon.reloads.restart))
    good = files.zone.read_text()
    files.zone.write_text(good + "broken (\n")
    async with running(files.config) as daemon:
        assert daemon.reloads.kept
        answer = await ask(daemon, "chat.inference.example", TOKYO)
        assert addresses(answer) == {address_of("us-west")}
        files.zone.write_text(good.replace(" 7 ", " 8 "))
        assert await daemon.reload()
        assert not daemon.reloads.kept


async def test_the_embedded_database_is_unpacked_for_the_first_of_two_starts_alone(
    files: Files, endpoints: dict[str, Endpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = good_config(endpoints, 'state = "state"\n')
    files.config.write_text(text.replace('geoip = ["city.mmdb"]\n', ""))
    unpacked: list[bytes] = []
    content = embedded.content

    def counted() -> bytes:
        unpacked.append(content())
        return unpacked[-1]

    monkeypatch.setattr(embedded, "content", counted)
    for _ in range(2):
        async with running(files.config) as daemon:
            assert daemon.inputs.locator.describe()[0]["file"] == f"embedded {embedded.NAME}"
            await until(lambda: bool(daemon.reloads.restart))
    assert len(unpacked) == 1


async def test_the_embedded_database_is_kept_once_what_was_adopted_is_on_the_disk(
    files: Files, endpoints: dict[str, Endpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a disk with room for one of both it is the one that can be spared."""
    text = good_config(endpoints, 'state = "state"\n')
    files.config.write_text(text.replace('geoip = ["city.mmdb"]\n', ""))
    manifest = files.config.parent / "state/adopted/manifest.json"
    written: list[bool] = []

    def replaced(*_: object, **__: object) -> None:
        written.append(manifest.exists())

    monkeypatch.setattr("resolverd.geo.kept_embedded.replace_filled", replaced)
    async with running(files.config):
        await until(lambda: bool(written))
    assert written == [True]


@pytest.mark.parametrize("replaced", [False, True])
async def test_a_start_after_an_edit_reads_each_database_once(
    files: Files,
    endpoints: dict[str, Endpoint],
    monkeypatch: pytest.MonkeyPatch,
    replaced: bool,
) -> None:
    """Though what was kept is loaded too, to see what the edit would lose."""
    files.config.write_text(good_config(endpoints, 'state = "state"\n'))
    async with running(files.config) as daemon:
        await until(lambda: bool(daemon.reloads.restart))
    before = hashlib.sha256(files.database.read_bytes()).hexdigest()
    files.zone.write_text(zone_text("192.0.2.81", serial=8))
    if replaced:
        write_mmdb(files.database, {**NETWORKS, "3.0.0.0/8": {"country_code": "US"}})
    opened: list[Path] = []
    open_one = Database.open

    def opening(path: Path) -> Database:
        opened.append(path)
        return open_one(path)

    monkeypatch.setattr(Database, "open", opening)
    async with running(files.config) as daemon:
        assert addresses(await ask(daemon, "www.inference.example")) == {"192.0.2.81"}
        kept = [files.config.parent / "state/adopted" / before] if replaced else []
        assert opened == [files.database, *kept]
