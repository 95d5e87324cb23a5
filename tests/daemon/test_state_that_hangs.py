"""`server.state` on a disk that hangs: what is kept there is a convenience, and not waited for."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from harness.hanging import hanging_mount
from live_daemon import (
    DUBLIN,
    NETWORKS,
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
from mmdb_writer import write_mmdb

from resolverd.daemon import Daemon
from resolverd.files.reading import THREADS
from resolverd.files.writing import WRITES


@pytest.fixture
def state(files: Files, endpoints: dict[str, Endpoint]) -> Path:
    """The directory that hangs in a test; edits are adopted on request alone."""
    files.config.write_text(good_config(endpoints, 'state = "state"\nwatch = false\n'))
    state = files.config.parent / "state"
    state.mkdir()
    with hanging_mount(state):
        pass  # skips where it is not allowed, before there is a daemon
    return state


def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    for threads in (THREADS, WRITES):
        monkeypatch.setattr(threads, "limit", 1.0)


async def _answers_again() -> None:
    await until(lambda: not (THREADS.hanging or WRITES.hanging))


async def test_an_edit_of_a_database_is_adopted_and_the_next_edit_too(
    files: Files, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(files.config) as daemon, asyncio.timeout(TIMEOUT):
        with hanging_mount(state):
            _hurry(monkeypatch)
            fresh = files.config.parent / "fresh.mmdb"
            write_mmdb(fresh, {**NETWORKS, "2.0.0.0/8": NETWORKS["1.0.0.0/8"]}).replace(
                files.database
            )
            assert await daemon.reload()
            as_in_tokyo = addresses(await ask(daemon, "chat.inference.example"))
            assert addresses(await ask(daemon, "chat.inference.example", DUBLIN)) == as_in_tokyo
            files.zone.write_text(zone_text("192.0.2.81", serial=8))
            assert await daemon.reload()
            assert addresses(await ask(daemon, "www.inference.example")) == {"192.0.2.81"}
        await _answers_again()
        monkeypatch.undo()


async def test_a_start_does_without(
    files: Files, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = Daemon(files.config)
    async with asyncio.timeout(TIMEOUT):
        with hanging_mount(state):
            _hurry(monkeypatch)
            await daemon.start()
            assert "does not answer" in daemon.state.trouble
            assert addresses(await ask(daemon, "www.inference.example")) == {"192.0.2.80"}
        await _answers_again()
        monkeypatch.undo()
        await daemon.stop()
