"""Tables of round-trip times are adopted as databases are: checked whole, and a bad one never."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from harness.config import address_of
from harness.hanging import hanging_mount
from live_daemon import (
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
from structlog.testing import capture_logs

from resolverd.daemon import Daemon
from resolverd.files.reading import THREADS
from resolverd.files.writing import WRITES
from resolverd.rtt.kept_table import KEPT_NAME
from resolverd.snapshot import rtt_tables
from resolverd.snapshot.inputs import CONFIGURATION, TABLES

NAME, WWW = "chat.inference.example", "www.inference.example"
HEADER = "where,region,ms\n"
# Whom no database places: the edge stands in Europe.
CLIENT = "203.0.113.0"
FAR = HEADER + "203.0.113.0/24,eu-west,250\n203.0.113.0/24,us-east,20\n"
NEAR = HEADER + "203.0.113.0/24,eu-west,20\n203.0.113.0/24,us-east,250\n"


def configured(endpoints: dict[str, Endpoint], server: str = "") -> str:
    text = good_config(endpoints, server)
    text = text.replace("[service.chat]", '[service.chat]\npolicy = "latency"')
    return text + '\n[rtt]\nfiles = ["rtt/*.csv"]\n'


@pytest.fixture
def files(files: Files, endpoints: dict[str, Endpoint]) -> Files:
    """One table, which sends the client past the nearest region."""
    files.config.write_text(configured(endpoints))
    table_of(files).parent.mkdir()
    table_of(files).write_text(FAR)
    return files


def table_of(files: Files) -> Path:
    return files.config.parent / "rtt" / "one.csv"


async def region(daemon: Daemon, client: str = CLIENT) -> set[str]:
    return addresses(await ask(daemon, NAME, client))


async def test_a_table_is_adopted_when_it_has_settled(daemon: Daemon, files: Files) -> None:
    assert await region(daemon) == {address_of("us-east")}
    assert await region(daemon, "203.0.112.0") == {address_of("eu-west")}
    table_of(files).with_name("two.csv").write_text(
        HEADER + "203.0.112.0/24,us-east,20\n203.0.112.0/24,eu-west,250\n"
    )
    table_of(files).write_text(NEAR)

    async def moved() -> bool:
        return await region(daemon, "203.0.112.0") == {address_of("us-east")}

    await until(moved)
    assert await region(daemon) == {address_of("eu-west")}
    table_of(files).unlink()
    table_of(files).with_name("two.csv").unlink()

    async def forgotten() -> bool:
        return await region(daemon, "203.0.112.0") == {address_of("eu-west")}

    await until(forgotten)


async def test_a_bad_table_changes_nothing_and_is_said_so_until_it_is_mended(
    daemon: Daemon, files: Files
) -> None:
    served = daemon.inputs.tables
    table_of(files).write_text(NEAR + "203.0.113.0/33,eu-west,20\n")
    for _ in range(2):
        assert not await daemon.reload()
        assert outdated(daemon) == {TABLES: "refused"}
        (problem,) = daemon.reloads.problems
        assert (problem.file, problem.line) == (str(table_of(files)), 4)
        assert daemon.inputs.tables is served
        assert daemon.inputs.older_files == (table_of(files),)
        assert await region(daemon) == {address_of("us-east")}
    table_of(files).write_text(NEAR)
    assert await daemon.reload()
    assert outdated(daemon) == {}
    assert await region(daemon) == {address_of("eu-west")}


async def test_a_table_that_has_not_changed_is_not_read_again(daemon: Daemon, files: Files) -> None:
    plan, tables = daemon.snapshot.plan, daemon.inputs.tables
    assert await daemon.reload()
    assert daemon.inputs.tables is tables
    files.zone.write_text(files.zone.read_text().replace("192.0.2.80", "192.0.2.81"))
    assert await daemon.reload()
    assert daemon.inputs.tables is tables
    assert daemon.snapshot.plan is not plan
    assert daemon.snapshot.plan.services["chat"].clients is plan.services["chat"].clients


async def test_tables_age_without_an_edit(
    daemon: Daemon, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables, plan = daemon.inputs.tables, daemon.snapshot.plan
    monkeypatch.setattr(rtt_tables, "_WEIGHED_AGAIN", 1e-7)  # of a half-life of a week

    async def weighed() -> bool:
        return daemon.snapshot.plan is not plan

    await until(weighed)
    assert daemon.inputs.tables.at > tables.at
    assert daemon.inputs.tables.contents == tables.contents
    before, after = (t.measured.samples.v4.confidence[0] for t in (tables, daemon.inputs.tables))
    assert after <= before
    assert await region(daemon) == {address_of("us-east")}


async def test_a_region_may_move_while_a_table_is_bad(daemon: Daemon, files: Files) -> None:
    table_of(files).write_text("where\n")
    text = files.config.read_text()
    assert "coordinates = [39.0, -77.5]" in text
    files.config.write_text(text.replace("coordinates = [39.0, -77.5]", "coordinates = [40, -74]"))
    assert not await daemon.reload()
    assert outdated(daemon) == {TABLES: "refused"}
    assert daemon.inputs.config.region["us-east"].coordinates == (40.0, -74.0)
    assert daemon.inputs.tables.measured.regions["us-east"] == (40.0, -74.0)
    assert await region(daemon) == {address_of("us-east")}


PIN = '[pin.home]\ncountries = ["IE"]\nregions = ["eu-west"]\n'
# Edits of what tables are read, by what is written and what it becomes.
OTHERWISE = {
    "another table": ('["rtt/*.csv"]', '["near/*.csv"]'),
    "no table": ('["rtt/*.csv"]', "[]"),
    "another half-life": ("[rtt]", '[rtt]\nhalf_life = "1h"'),
    "a region less": ("us-east", "us-south"),
}


@pytest.mark.parametrize(("written", "becomes"), OTHERWISE.values(), ids=OTHERWISE.keys())
async def test_an_edit_that_is_held_changes_no_tables_until_it_is_insisted_on(
    files: Files, written: str, becomes: str
) -> None:
    near = files.config.parent / "near" / "one.csv"
    near.parent.mkdir()
    near.write_text(NEAR)
    text = files.config.read_text()
    files.config.write_text(text.replace('settle = "100ms"', "watch = false") + PIN)
    async with running(files.config) as daemon:
        tables, plan = daemon.inputs.tables, daemon.snapshot.plan
        files.config.write_text(text.replace(written, becomes))
        for _ in range(2):
            assert not await daemon.reload()
            assert outdated(daemon) == {CONFIGURATION: "held"}
            assert daemon.inputs.tables is tables
            assert daemon.snapshot.plan is plan
        table_of(files).write_text(FAR.replace("250", "240"))
        assert not await daemon.reload()
        assert outdated(daemon) == {CONFIGURATION: "held"}
        assert daemon.inputs.tables.rtt is daemon.inputs.config.rtt
        assert daemon.inputs.tables.measured.regions == tables.measured.regions
        assert await region(daemon) == {address_of("us-east")}
        if written != "us-east":
            assert await daemon.reload(accept_losses=True)
            assert daemon.inputs.tables.rtt != tables.rtt


async def test_a_bad_table_of_an_edit_that_is_held_is_told_with_it(
    daemon: Daemon, files: Files
) -> None:
    text = files.config.read_text()
    files.config.write_text(text + PIN)
    assert await daemon.reload()
    files.config.write_text(text.replace('["rtt/*.csv"]', '["near.csv"]'))
    (files.config.parent / "near.csv").write_text("where\n")
    assert not await daemon.reload()
    assert outdated(daemon) == {CONFIGURATION: "held"}
    found = {problem.file for problem in daemon.reloads.problems}
    assert str(files.config.parent / "near.csv") in found


async def test_a_start_with_a_bad_table_takes_the_one_that_was_adopted_last(
    files: Files, endpoints: dict[str, Endpoint]
) -> None:
    files.config.write_text(configured(endpoints, 'state = "state"\nwatch = false\n'))
    async with running(files.config) as daemon:
        assert await daemon.reload()
    table_of(files).write_text(NEAR + "nowhere,eu-west,fast\n")
    files.zone.write_text(files.zone.read_text().replace("192.0.2.80", "192.0.2.81"))
    async with running(files.config) as daemon:
        await until(lambda: _serves(daemon, "us-east"))
        assert addresses(await ask(daemon, WWW)) == {"192.0.2.81"}
        assert not await daemon.reload()
        assert outdated(daemon) == {TABLES: "refused"}
        table_of(files).write_text(NEAR)
        assert await daemon.reload()
        assert await region(daemon) == {address_of("eu-west")}


async def test_what_this_host_measured_is_read_from_where_it_is_kept_until_a_restart(
    files: Files, endpoints: dict[str, Endpoint]
) -> None:
    text = configured(endpoints, 'state = "state"\nwatch = false\n')
    files.config.write_text(text)
    own = files.config.parent / "state" / KEPT_NAME
    own.parent.mkdir()
    own.write_text(f"{HEADER}50.1 8.7,us-east,95\n")
    async with running(files.config) as daemon:
        assert daemon.inputs.tables.kept == own
        for becomes in ('state = "elsewhere"\n', ""):
            files.config.write_text(text.replace('state = "state"\n', becomes))
            with capture_logs() as logged:
                assert await daemon.reload()
            assert daemon.inputs.tables.kept == own
            assert [e["option"] for e in logged if e["event"] == "reload.needs_restart"] == [
                "server.state"
            ]


@pytest.fixture
def own(files: Files, endpoints: dict[str, Endpoint]) -> Path:
    """What this host measured, and no other table: edits are adopted on request alone."""
    text = configured(endpoints, 'state = "state"\nwatch = false\n')
    files.config.write_text(text.replace('files = ["rtt/*.csv"]\n', 'keep_interval = "1h"\n'))
    own = files.config.parent / "state" / KEPT_NAME
    own.parent.mkdir()
    with hanging_mount(own.parent):
        pass  # skips where it is not allowed, before there is a daemon
    own.write_text(FAR)
    return own


def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    for threads in (THREADS, WRITES):
        monkeypatch.setattr(threads, "limit", 1.0)


async def _answers_again() -> None:
    await until(lambda: not (THREADS.hanging or WRITES.hanging))


@pytest.mark.parametrize("aged", [False, True])
async def test_what_this_host_measured_steers_on_while_its_disk_hangs(
    files: Files, own: Path, monkeypatch: pytest.MonkeyPatch, aged: bool
) -> None:
    async with running(files.config) as daemon:
        tables, services = daemon.inputs.tables, daemon.snapshot.plan.services
        if aged:
            monkeypatch.setattr(rtt_tables, "_WEIGHED_AGAIN", 0.0)
        with hanging_mount(own.parent):
            _hurry(monkeypatch)
            for serial in (8, 9):
                files.zone.write_text(zone_text(f"192.0.2.{serial}", serial))
                assert await daemon.reload()
                assert addresses(await ask(daemon, WWW)) == {f"192.0.2.{serial}"}
                assert daemon.inputs.tables is tables
                assert daemon.snapshot.plan.services["chat"].clients is services["chat"].clients
                assert await region(daemon) == {address_of("us-east")}
        await _answers_again()
        assert await daemon.reload()
        assert (daemon.inputs.tables is tables) is not aged
        await asyncio.to_thread(own.write_text, NEAR)
        assert await daemon.reload()
        assert await region(daemon) == {address_of("eu-west")}


async def test_what_this_host_measured_is_read_once_its_disk_that_hung_at_the_start_answers(
    files: Files, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = Daemon(files.config)
    with hanging_mount(own.parent):
        _hurry(monkeypatch)
        await daemon.start()
        tables = daemon.inputs.tables
        (warned,) = tables.warnings
        assert (warned.id, "see that its disk answers" in warned.hint) == (
            ("rtt-kept-unusable", True)
        )
        files.zone.write_text(zone_text("192.0.2.8", 8))
        assert await daemon.reload()
        assert daemon.inputs.tables is tables
    await _answers_again()
    monkeypatch.undo()
    assert await daemon.reload()
    assert await region(daemon) == {address_of("us-east")}
    await daemon.stop()


async def test_a_table_of_its_own_name_is_not_taken_for_gone_while_its_disk_hangs(
    files: Files, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = files.config.read_text().replace("[rtt]", '[rtt]\nfiles = ["rtt/one.csv"]')
    files.config.write_text(text)
    await asyncio.to_thread(own.unlink)
    async with running(files.config) as daemon:
        tables = daemon.inputs.tables
        with hanging_mount(table_of(files).parent):
            _hurry(monkeypatch)
            for _ in range(2):
                assert not await daemon.reload()
                assert outdated(daemon) == {TABLES: "refused"}
                assert daemon.inputs.tables is tables
        await _answers_again()
        assert await daemon.reload()
        assert await region(daemon) == {address_of("us-east")}


async def _serves(daemon: Daemon, name: str) -> bool:
    return await region(daemon) == {address_of(name)}
