"""How edits are adopted: whole, once they have rested, and whatever lies in the way."""

from __future__ import annotations

import asyncio
import errno
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from harness.hanging import hanging_mount
from live_daemon import (
    TIMEOUT,
    Endpoint,
    Files,
    addresses,
    ask,
    good_config,
    running,
    until,
    zone_text,
)
from structlog.testing import capture_logs

from resolverd import watching
from resolverd.admin.served import EndingError
from resolverd.admin.state import state_of
from resolverd.daemon import Daemon
from resolverd.files.reading import THREADS


@asynccontextmanager
async def serving(
    files: Files, endpoints: dict[str, Endpoint], server: str
) -> AsyncIterator[Daemon]:
    """A daemon with these lines in [server] instead of a short settle."""
    _configure(files, endpoints, server)
    async with running(files.config) as daemon:
        yield daemon


def _configure(files: Files, endpoints: dict[str, Endpoint], server: str) -> None:
    config = good_config(endpoints).replace('settle = "100ms"\n', server)
    files.config.write_text(config)


def _events(logged: list[Any], name: str) -> list[Any]:
    return [event for event in logged if event["event"] == name]


async def test_a_zone_written_in_parts_is_adopted_whole_or_not_at_all(
    files: Files, endpoints: dict[str, Endpoint]
) -> None:
    """Each part is a zone by itself: without `chat`, and without `www` at first."""
    text = zone_text("192.0.2.81", serial=8)
    head, www, chat = text.partition("www")[0], "www 60 A 192.0.2.81\n", "chat 60 DYNA chat\n"
    async with serving(files, endpoints, 'settle = "1s"\n') as daemon:
        writing = asyncio.create_task(asyncio.to_thread(_write_slowly, files.zone, head, www, chat))
        served = set()
        while daemon.reloads.adopted == 0:
            served |= addresses(await ask(daemon, "www.inference.example"))
            assert addresses(await ask(daemon, "chat.inference.example"))
            await asyncio.sleep(0.01)
        assert writing.done()
        assert served == {"192.0.2.80"} | (served & {"192.0.2.81"})
        assert addresses(await ask(daemon, "www.inference.example")) == {"192.0.2.81"}
        assert (daemon.reloads.adopted, daemon.reloads.refused) == (1, 0)


def _write_slowly(path: Path, *parts: str) -> None:
    with path.open("w") as file:
        for part in parts:
            file.write(part)
            file.flush()
            time.sleep(0.2)


async def test_a_reload_that_is_asked_for_takes_the_files_as_they_are(
    files: Files, endpoints: dict[str, Endpoint]
) -> None:
    async with serving(files, endpoints, 'settle = "60s"\n') as daemon:
        files.zone.write_text(zone_text("192.0.2.81", serial=8))
        assert await daemon.reload()
        assert addresses(await ask(daemon, "www.inference.example")) == {"192.0.2.81"}


async def test_a_writer_that_never_rests_is_an_event(
    files: Files, endpoints: dict[str, Endpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_LONG", 0.5)
    with capture_logs() as logged:
        async with serving(files, endpoints, 'settle = "5s"\n') as daemon:
            number = 8
            while not _events(logged, "edits.unsettled"):
                number += 1
                files.zone.write_text(zone_text("192.0.2.81", serial=number))
                await asyncio.sleep(0.02)
            assert daemon.reloads.adopted == 0
            assert state_of(daemon)["edits"]["unsettled"] == [str(files.zone)]
    (event,) = _events(logged, "edits.unsettled")
    assert event["files"] == [str(files.zone)]


async def test_without_watching_an_edit_waits_for_a_reload(
    files: Files, endpoints: dict[str, Endpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "POLL", 0.1)
    async with serving(files, endpoints, 'settle = "0s"\nwatch = false\n') as daemon:
        files.zone.write_text(zone_text("192.0.2.81", serial=8))
        await until(lambda: state_of(daemon)["edits"]["watch"] is False)
        await asyncio.sleep(0.5)  # five polls
        assert daemon.reloads.adopted == 0
        assert await daemon.reload()
        assert addresses(await ask(daemon, "www.inference.example")) == {"192.0.2.81"}

        _configure(files, endpoints, 'settle = "0s"\n')
        assert await daemon.reload()
        files.zone.write_text(zone_text("192.0.2.82", serial=9))
        await until(lambda: daemon.reloads.adopted == 3)
        assert addresses(await ask(daemon, "www.inference.example")) == {"192.0.2.82"}


async def test_zones_of_directories_that_come_later_are_found(
    files: Files, endpoints: dict[str, Endpoint]
) -> None:
    tenants = files.zone.parent / "tenants"
    (tenants / "one").mkdir(parents=True)
    (tenants / "one/one.zone").write_text(_tenant("one"))
    server = 'settle = "100ms"\n'
    config = good_config(endpoints, server="hold_zones = 1\n")
    config = config.replace('"*.zone"', '"*.zone", "tenants/**/*.zone"')
    files.config.write_text(config)
    assert server in config
    async with running(files.config) as daemon:
        (tenants / "two/deep").mkdir(parents=True)
        (tenants / "two/deep/two.zone").write_text(_tenant("two"))
        await until(lambda: daemon.reloads.adopted == 1)
        assert addresses(await ask(daemon, "www.two.example")) == {"192.0.2.80"}
        (tenants / "two/deep/two.zone").unlink()
        await until(lambda: daemon.reloads.adopted == 2)
        assert len(daemon.snapshot.plan.zones) == 2


def _tenant(name: str) -> str:
    return zone_text("192.0.2.80").replace("inference.example", f"{name}.example")


async def test_an_edit_of_the_same_size_and_times_is_adopted(daemon: Daemon, files: Files) -> None:
    before = files.zone.stat()
    files.zone.write_text(zone_text("192.0.2.81", serial=8))
    os.utime(files.zone, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert files.zone.stat().st_size == before.st_size
    await until(lambda: daemon.reloads.adopted == 1)


async def test_a_refused_edit_is_tried_again_once_a_file_that_it_names_is_there(
    daemon: Daemon, files: Files
) -> None:
    files.zone.write_text(zone_text("192.0.2.80", serial=8) + "$INCLUDE more.inc\n")
    await until(lambda: daemon.reloads.refused == 1)
    (files.zone.parent / "more.inc").write_text("more 60 A 192.0.2.90\n")
    await until(lambda: daemon.reloads.adopted == 1)
    assert addresses(await ask(daemon, "more.inference.example")) == {"192.0.2.90"}


@pytest.mark.parametrize("kind", ["zone", "fragment"])
async def test_a_file_that_was_taken_away_by_a_reload_is_served_again_once_it_is_back(
    files: Files, endpoints: dict[str, Endpoint], kind: str
) -> None:
    """With the content that it had, which was tried before it went."""
    path = files.zone.with_name("one.zone")
    text = _tenant("one")
    if kind == "fragment":
        path = files.config.with_suffix(".d") / "pin.toml"
        path.parent.mkdir()
        text = '[pin.home]\ncountries = ["IE"]\nregions = ["us-west"]\n'
    path.write_text(text)

    def is_served() -> bool:
        zones, pins = daemon.inputs.zones, daemon.inputs.config.pin
        return bool(pins) if kind == "fragment" else len(zones) == 2

    async with serving(files, endpoints, 'settle = "1s"\n') as daemon:
        assert is_served()
        path.unlink()
        assert await daemon.reload(accept_losses=True)
        assert not is_served()
        path.write_text(text)
        await until(is_served)


@pytest.mark.parametrize("by_hand", [False, True])
@pytest.mark.parametrize("kind", ["zones", "fragments"])
async def test_a_directory_that_can_be_listed_again_is_an_edit(
    files: Files,
    endpoints: dict[str, Endpoint],
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    by_hand: bool,
) -> None:
    """Its files hold what they held; one that is empty has none."""
    directory = files.config.with_suffix(".d") if kind == "fragments" else files.zone.parent
    directory.mkdir(exist_ok=True)
    unlistable: set[str] = set()
    scandir = os.scandir

    def listing(path: str) -> Any:
        if str(path) in unlistable:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", listing)
    server = 'settle = "1s"\n' if by_hand else 'settle = "100ms"\n'
    async with serving(files, endpoints, server) as daemon:
        unlistable.add(str(directory))
        if by_hand:
            assert not await daemon.reload()
        await until(lambda: daemon.reloads.refused > 0)
        assert "cannot be listed" in daemon.reloads.last
        unlistable.clear()
        await until(lambda: daemon.reloads.successful)


IRREGULAR: dict[str, Callable[[Files], Path]] = {
    "configuration": lambda files: files.config,
    "fragment": lambda files: files.config.with_suffix(".d") / "x.toml",
    "zone": lambda files: files.zone.parent / "another.zone",
    "included file": lambda files: files.zone.parent / "more.inc",
    "database": lambda files: files.database,
}


@pytest.mark.parametrize("place", IRREGULAR.values(), ids=IRREGULAR.keys())
@pytest.mark.parametrize("kind", ["FIFO", "device"])
async def test_what_is_no_file_is_a_refused_edit_and_holds_nothing_up(
    daemon: Daemon, files: Files, place: Callable[[Files], Path], kind: str
) -> None:
    path = place(files)
    kept = path.read_bytes() if path.exists() else None
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    if kind == "FIFO":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    if path.suffix == ".inc":
        files.zone.write_text(zone_text("192.0.2.80", serial=8) + "$INCLUDE more.inc\n")
    # A change of the path may have been seen halfway, and refused for another reason.
    await until(lambda: f"it is a {kind}, not a regular file" in daemon.reloads.last)
    assert not await daemon.reload()
    path.unlink()
    if kept is not None:
        path.write_bytes(kept)
    files.zone.write_text(zone_text("192.0.2.81", serial=9))

    async def served() -> bool:
        return addresses(await ask(daemon, "www.inference.example")) == {"192.0.2.81"}

    await until(served)


async def test_a_file_system_that_hangs_is_an_event_and_a_refused_reload_and_can_be_stopped(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "POLL", 0.1)
    fragments = files.config.with_suffix(".d")
    fragments.mkdir()
    with capture_logs() as logged:
        async with running(files.config) as daemon:
            monkeypatch.setattr(THREADS, "limit", 0.5)
            with hanging_mount(fragments):
                await until(lambda: bool(_events(logged, "edits.hanging")))
                assert not await asyncio.wait_for(daemon.reload(), TIMEOUT)
                assert "does not answer" in daemon.reloads.last
                assert addresses(await ask(daemon, "www.inference.example")) == {"192.0.2.80"}
                assert state_of(daemon)["edits"]["hanging"]
            await until(lambda: bool(_events(logged, "edits.answering")))
            monkeypatch.setattr(THREADS, "limit", TIMEOUT)
            files.zone.write_text(zone_text("192.0.2.81", serial=8))
            await until(lambda: daemon.reloads.successful and daemon.reloads.adopted > 0)
            await until(lambda: not THREADS.hanging)
    assert not _events(logged, "edits.defect")


async def test_a_daemon_whose_files_hang_stops(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    fragments = files.config.with_suffix(".d")
    fragments.mkdir()
    with hanging_mount(fragments):
        pass  # skips where it is not allowed, before there is a daemon to stop
    async with running(files.config) as daemon:
        monkeypatch.setattr(THREADS, "limit", 0.3)
        mount = hanging_mount(fragments)
        mount.__enter__()
        task = asyncio.create_task(daemon.reload())
        await until(lambda: bool(THREADS.hanging) or task.done())
        async with asyncio.timeout(TIMEOUT):
            await daemon.stop()
        mount.__exit__(None, None, None)
        with suppress(EndingError):  # where the stop was faster than the limit
            await task
