"""Edits are adopted part by part: what is wrong, or loses much, stays as it was, and that alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from harness.config import CHAT, address_of
from live_daemon import (
    DUBLIN,
    TOKYO,
    Endpoint,
    Files,
    addresses,
    ask,
    good_config,
    outdated,
    running,
    until,
)

from resolverd.config import load
from resolverd.config.load import LoadedConfig
from resolverd.config.model import Config
from resolverd.daemon import Daemon
from resolverd.errors import ResolverdError
from resolverd.snapshot import edits
from resolverd.snapshot.inputs import CONFIGURATION, DATABASES

OTHER = """\
$ORIGIN other.example.
$TTL 60
@ SOA ns1 h 1 3600 900 604800 300
@ NS ns1
ns1 A 192.0.2.1
"""
PIN = '[pin.gdpr]\ncountries = ["IE"]\nregions = ["eu-west"]\n'


def other(files: Files) -> Path:
    return files.zone.with_name("other.zone")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.fixture
def files(files: Files, endpoints: dict[str, Endpoint]) -> Files:
    """Two zones, and a pin; edits are adopted when they are asked for."""
    other(files).write_text(OTHER + "www A 192.0.2.7\nchat DYNA chat\n")
    files.config.write_text(good_config(endpoints, server="watch = false\n") + PIN)
    return files


async def www(daemon: Daemon, zone: str) -> set[str]:
    return addresses(await ask(daemon, f"www.{zone}"))


async def test_a_zone_with_a_mistake_stays_and_the_other_edits_are_served(
    daemon: Daemon, files: Files
) -> None:
    edit(files.zone, "192.0.2.80", "192.0.2.999")
    edit(other(files), "192.0.2.7", "192.0.2.8")
    edit(files.config, "fast_interval", "rise = 4\nfast_interval")
    assert not await daemon.reload()
    assert outdated(daemon) == {"zone inference.example": "refused"}
    assert await www(daemon, "inference.example") == {"192.0.2.80"}
    assert await www(daemon, "other.example") == {"192.0.2.8"}
    assert daemon.inputs.config.probe.rise == 4
    assert daemon.inputs.older_files == (files.zone,)
    assert await daemon.reload() is False, "it is still on the disk"
    edit(files.zone, "192.0.2.999", "192.0.2.81")
    assert await daemon.reload()
    assert outdated(daemon) == {}
    assert await www(daemon, "inference.example") == {"192.0.2.81"}


async def test_a_configuration_with_a_mistake_stays_and_zones_are_served(
    daemon: Daemon, files: Files
) -> None:
    edit(files.config, "[server]", "[server")
    edit(other(files), "192.0.2.7", "192.0.2.8")
    assert not await daemon.reload()
    assert outdated(daemon) == {CONFIGURATION: "refused"}
    assert await www(daemon, "other.example") == {"192.0.2.8"}


@pytest.mark.parametrize(
    ("module", "name"), [(load, "cross_check"), (edits, "probe_targets"), (edits, "check_together")]
)
async def test_a_configuration_that_meets_a_defect_of_ours_stays_and_zones_are_served(
    daemon: Daemon,
    files: Files,
    monkeypatch: pytest.MonkeyPatch,
    module: ModuleType,
    name: str,
) -> None:
    known = getattr(module, name)

    def broken(of: LoadedConfig | Config, *others: object) -> object:
        config = of.config if isinstance(of, LoadedConfig) else of
        if config.probe.rise == 4:
            raise ZeroDivisionError
        return known(of, *others)

    monkeypatch.setattr(module, name, broken)
    edit(files.config, "fast_interval", "rise = 4\nfast_interval")
    edit(other(files), "192.0.2.7", "192.0.2.8")
    for _ in range(2):
        assert not await daemon.reload(), "it is still on the disk"
        assert outdated(daemon) == {CONFIGURATION: "refused"}
    assert "config-defect: a defect of resolverd met" in daemon.reloads.last
    assert f"ZeroDivisionError() in {broken.__name__}" in daemon.reloads.last
    assert str(files.config) in daemon.reloads.last
    assert await www(daemon, "other.example") == {"192.0.2.8"}
    edit(files.config, "rise = 4\n", "")
    assert await daemon.reload()
    assert outdated(daemon) == {}


async def test_a_broken_database_stays_and_zones_are_served(daemon: Daemon, files: Files) -> None:
    whole = files.database.read_bytes()
    files.database.write_bytes(whole[:-60])
    edit(other(files), "192.0.2.7", "192.0.2.8")
    for _ in range(2):
        assert not await daemon.reload(), "it is still on the disk"
        assert outdated(daemon) == {DATABASES: "refused"}
    assert await www(daemon, "other.example") == {"192.0.2.8"}
    files.database.write_bytes(whole)
    assert await daemon.reload()


async def test_a_service_that_an_older_zone_needs_cannot_be_taken_away(
    daemon: Daemon, files: Files
) -> None:
    edit(files.zone, "192.0.2.80", "192.0.2.999")
    edit(files.config, "[service.chat]", "[service.talk]")
    edit(files.zone, "DYNA chat", "DYNA talk")
    edit(other(files), "DYNA chat", "DYNA talk")
    assert not await daemon.reload(accept_losses=True)
    # By the configuration that stays, talk is no service.
    assert outdated(daemon) == {
        CONFIGURATION: "refused",
        "zone inference.example": "refused",
        "zone other.example": "refused",
    }
    assert "is served in an older state, and chat.inference.example. DYNA needs the service" in (
        daemon.reloads.last
    )
    edit(files.zone, "192.0.2.999", "192.0.2.80")
    assert await daemon.reload(accept_losses=True)
    assert set(daemon.inputs.config.service) == {"talk"}


LOSSES: dict[str, tuple[Callable[[Files], object], str, str]] = {
    "a service": (
        lambda f: f.config.write_text(f.config.read_text() + CHAT.replace(".chat", ".more")),
        "lost-service",
        CONFIGURATION,
    ),
    "a region": (
        lambda f: edit(f.config, '"us-east", "us-west", ', '"us-west", '),
        "lost-region",
        CONFIGURATION,
    ),
    "a pin": (lambda f: edit(f.config, PIN, ""), "lost-pin", CONFIGURATION),
    "a pin's country": (lambda f: edit(f.config, '["IE"]', '["FR"]'), "lost-pin", CONFIGURATION),
    "a zone": (lambda f: other(f).unlink(), "lost-zone", "zone other.example"),
    "the names of a zone": (
        lambda f: other(f).write_text(OTHER),
        "lost-names",
        "zone other.example",
    ),
    "the pins of a name": (
        lambda f: edit(other(f), "chat DYNA chat", "chat A 192.0.2.10"),
        "lost-pin",
        "zone other.example",
    ),
}


@pytest.mark.parametrize(("lose", "id_", "part"), LOSSES.values(), ids=LOSSES.keys())
async def test_an_edit_that_loses_much_is_held_until_it_is_insisted_on(
    files: Files, lose: Callable[[Files], object], id_: str, part: str
) -> None:
    kept = {path: path.read_text() for path in (files.config, files.zone, other(files))}
    if id_ == "lost-service":  # what is lost has to be there first
        lose(files)
        without, kept[files.config] = kept[files.config], files.config.read_text()
        lose = lambda f: f.config.write_text(without)  # noqa: E731
    async with running(files.config) as daemon:
        lose(files)
        edit(files.zone, "192.0.2.80", "192.0.2.81")
        assert not await daemon.reload()
        assert outdated(daemon) == {part: "held"}
        assert id_ in {problem.id for problem in daemon.reloads.problems}
        assert daemon.reloads.last.startswith("held: ")
        assert await www(daemon, "inference.example") == {"192.0.2.81"}
        assert addresses(await ask(daemon, "chat.inference.example", DUBLIN)) == {
            address_of("eu-west")
        }
        # Undone, it is forgotten; insisted on, it is served.
        edited = {path: path.read_text() if path.exists() else None for path in kept}
        for path, text in kept.items():
            path.write_text(text)
        assert await daemon.reload()
        assert outdated(daemon) == {}
        for path, lossy in edited.items():
            path.unlink() if lossy is None else path.write_text(lossy)
        assert not await daemon.reload()
        assert await daemon.reload(accept_losses=True)
        assert outdated(daemon) == {}


async def test_a_pin_never_goes_by_watching_alone(files: Files) -> None:
    """The fault that was seen: its lines were missing for two seconds."""
    edit(files.config, "watch = false\n", "")
    async with running(files.config) as daemon:
        before = daemon.snapshot.plan
        edit(files.config, PIN, "")
        await until(lambda: daemon.reloads.held == 1)
        assert daemon.snapshot.plan is before
        answer = await ask(daemon, "chat.inference.example", DUBLIN)
        assert addresses(answer) == {address_of("eu-west")}
        files.config.write_text(files.config.read_text() + PIN)
        await until(lambda: daemon.reloads.successful)
        assert daemon.snapshot.plan is before


async def test_limits_that_are_lifted_hold_nothing(daemon: Daemon, files: Files) -> None:
    lifted = "hold_services = 1\nhold_regions = 1\nhold_zones = 1\nhold_names = 1\n"
    edit(files.config, "watch = false\n", f"watch = false\n{lifted}")
    assert await daemon.reload()
    other(files).unlink()
    edit(files.config, '"us-east", "us-west", ', '"us-west", ')
    assert await daemon.reload()
    assert len(daemon.inputs.zones) == 1


async def test_those_who_ask_meanwhile_share_the_next_reload(daemon: Daemon, files: Files) -> None:
    edit(other(files), "192.0.2.7", "192.0.2.8")
    first = asyncio.create_task(daemon.reload())
    await asyncio.sleep(0)
    outcomes = await asyncio.gather(first, *(daemon.reload() for _ in range(20)))
    assert all(outcomes)
    assert daemon.reloads.adopted <= 2
    assert await www(daemon, "other.example") == {"192.0.2.8"}


async def test_an_edit_after_a_reload_began_is_served_to_who_asks_then(
    daemon: Daemon, files: Files
) -> None:
    first = asyncio.create_task(daemon.reload())
    await asyncio.sleep(0)
    edit(other(files), "192.0.2.7", "192.0.2.8")
    assert await daemon.reload()
    assert await www(daemon, "other.example") == {"192.0.2.8"}
    assert await first


async def test_a_reload_without_an_edit_compiles_nothing(daemon: Daemon, files: Files) -> None:
    before = daemon.snapshot.plan
    files.zone.write_text(files.zone.read_text())
    assert await daemon.reload()
    assert daemon.snapshot.plan is before
    assert not daemon.reloads.changes


async def test_what_a_reload_would_do_is_told_and_not_done(daemon: Daemon, files: Files) -> None:
    other(files).unlink()
    inputs, changes = await daemon.forecast()
    assert [each.part for each in inputs.outdated] == ["zone other.example"]
    assert not changes
    assert outdated(daemon) == {}
    answer = await ask(daemon, "www.other.example", TOKYO)
    assert addresses(answer) == {"192.0.2.7"}


async def test_a_start_takes_all_or_nothing(files: Files) -> None:
    edit(files.zone, "192.0.2.80", "192.0.2.999")
    with pytest.raises(ResolverdError, match="zone-bad-rdata"):
        async with running(files.config):
            pass
