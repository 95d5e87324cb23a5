"""What outlives a process in `server.state`: drains, and the files adopted last."""

from __future__ import annotations

import hashlib
import time
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
    outdated,
    running,
    until,
    zone_text,
)
from mmdb_writer import write_mmdb

from resolverd.admin.operate import OverrideCommand, set_override
from resolverd.daemon import Daemon
from resolverd.errors import DefectError, ExitCode
from resolverd.geo import embedded
from resolverd.geo.database import Database
from resolverd.health.overrides import OverrideKind
from resolverd.snapshot import edits, inputs
from resolverd.snapshot.inputs import CONFIGURATION, DATABASES
from resolverd.zone import loader
from resolverd.zone.model import Zone
from resolverd.zone.tree import Tree

PIN = '[pin.gdpr]\ncountries = ["IE"]\nregions = ["us-west"]\n'


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


@pytest.mark.parametrize("edited", ["before the restart", "while nothing runs"])
async def test_a_drain_after_a_restart_waits_for_what_was_answered_before_it(
    files: Files, endpoints: dict[str, Endpoint], edited: str
) -> None:
    """By the configuration of then, whose TTLs were longer."""

    def left(daemon: Daemon) -> float:
        plan = daemon.snapshot.plan
        return daemon.ttl_ledger.longest_ttl(plan, "ap-northeast", time.monotonic())

    state = 'state = "state"\n'
    files.config.write_text(good_config(endpoints, state, ttl="60s"))
    async with running(files.config) as daemon:
        assert left(daemon) == 60
        files.config.write_text(good_config(endpoints, state, ttl="3s"))
        if edited == "before the restart":
            assert await daemon.reload()
    for _ in range(2):
        async with running(files.config) as daemon:
            assert 30 < left(daemon) < 60


@pytest.mark.parametrize("ends", ["cleared", "by itself"])
async def test_the_end_of_an_override_lowers_ttls_after_a_restart_too(
    files: Files, endpoints: dict[str, Endpoint], ends: str
) -> None:
    files.config.write_text(good_config(endpoints, 'state = "state"\n', ttl="60s"))
    seconds = None if ends == "cleared" else 0.2
    async with running(files.config) as daemon:
        assert (await ask(daemon, "chat.inference.example", TOKYO)).answer[0].ttl == 60
        command = OverrideCommand("ap-northeast", OverrideKind.DRAIN, "op", "disks", seconds)
        await set_override(daemon, command)
        if ends == "cleared":
            daemon.overrides.clear("ap-northeast", time.monotonic())
            await daemon.republish()
    async with running(files.config) as daemon:
        await until(lambda: all(v.min_until_flip > 1 for v in daemon.verdicts.values()))
        await until(lambda: "ap-northeast" in daemon.overrides.ends())
        await daemon.republish()
        answer = await ask(daemon, "chat.inference.example", TOKYO)
        assert addresses(answer) == {address_of("ap-northeast")}
        assert answer.answer[0].ttl < 30


def _defect_in(monkeypatch: pytest.MonkeyPatch, name: str, *modules: Any) -> None:
    """Have a function fail as by a defect of ours where a zone has a label "mark"."""
    known = getattr(modules[0], name)

    def broken(*given: Any, **named: Any) -> Any:
        if any(b"\4mark" in key for one in given for key in _keys(one)):
            raise ZeroDivisionError
        return known(*given, **named)

    for module in modules:
        monkeypatch.setattr(module, name, broken)


def _keys(given: Any) -> list[bytes]:
    if isinstance(given, Tree):
        return list(given.nodes)
    zones = given.values() if isinstance(given, dict) else ()
    return [key for zone in zones if isinstance(zone, Zone) for key in zone.rrsets]


@pytest.mark.parametrize(
    ("name", "modules", "said"),
    [
        ("check_tree", [loader], "zone-defect"),
        ("check_together", [inputs, edits], "a defect of resolverd met these files"),
    ],
)
async def test_a_start_that_meets_a_defect_of_ours_serves_what_was_adopted_last(
    files: Files,
    endpoints: dict[str, Endpoint],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    modules: list[Any],
    said: str,
) -> None:
    files.config.write_text(good_config(endpoints, 'state = "state"\n'))
    async with running(files.config) as daemon:
        await until(lambda: bool(daemon.reloads.restart))
    good = files.zone.read_text()
    files.zone.write_text(good + "mark A 192.0.2.1\n")
    _defect_in(monkeypatch, name, *modules)
    async with running(files.config) as daemon:
        assert daemon.reloads.kept
        assert said in daemon.reloads.last
        answer = await ask(daemon, "chat.inference.example", TOKYO)
        assert addresses(answer)
        assert not await daemon.reload()
        files.zone.write_text(good.replace(" 7 ", " 8 "))
        assert await daemon.reload()
        assert not daemon.reloads.kept


async def test_a_start_that_meets_a_defect_of_ours_ends_as_one_where_nothing_is_kept(
    files: Files, endpoints: dict[str, Endpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    files.config.write_text(good_config(endpoints, 'state = "state"\n'))
    files.zone.write_text(files.zone.read_text() + "mark A 192.0.2.1\n")
    _defect_in(monkeypatch, "check_together", inputs)
    with pytest.raises(DefectError, match="ZeroDivisionError") as ended:
        async with running(files.config):
            pass
    assert ended.value.exit_code == ExitCode.INTERNAL


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


@pytest.mark.parametrize("kind", ["refused", "held"])
async def test_the_database_that_is_served_stays_kept_while_an_edit_that_names_another_waits(
    files: Files, endpoints: dict[str, Endpoint], kind: str
) -> None:
    text = good_config(endpoints, 'state = "state"\nwatch = false\n')
    files.config.write_text(text + PIN)
    content = files.database.read_bytes()
    async with running(files.config) as daemon:
        await until(lambda: bool(daemon.reloads.restart))
        # As databases with the date in their names are replaced; the new name may be misspelt.
        files.database.unlink()
        files.config.write_text(text.replace("city.mmdb", "next.mmdb") + PIN)
        if kind == "held":
            write_mmdb(files.database.with_name("next.mmdb"), {"2.0.0.0/8": NETWORKS["1.0.0.0/8"]})
            files.config.write_text(text.replace("city.mmdb", "next.mmdb"))
        assert not await daemon.reload()
        assert outdated(daemon) == {CONFIGURATION: kind, DATABASES: "refused"}
    for _ in range(2):
        async with running(files.config) as daemon:
            assert daemon.inputs.config.server.geoip == ("city.mmdb",)
            (served,) = daemon.inputs.locator.databases
            assert served.sha256 == hashlib.sha256(content).hexdigest()
            answer = await ask(daemon, "chat.inference.example", DUBLIN)
            assert addresses(answer) == {address_of("us-west")}
            if kind == "held":
                assert outdated(daemon) == {CONFIGURATION: "held", DATABASES: "refused"}
    async with running(files.config) as daemon:
        files.database.write_bytes(content)
        assert not await daemon.reload()
        assert outdated(daemon) == {CONFIGURATION: kind}
