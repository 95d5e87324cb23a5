"""Whoever hears that a reload is over may kill the daemon: nobody answers from what was before."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import pytest
from live_daemon import Files, running, supervised, zone_text

from resolverd.config.types import Listener
from resolverd.daemon import Daemon
from resolverd.engine.sockets import BoundSockets
from resolverd.engine.stored import bind_again
from resolverd.handover.leftovers import STANDBY
from resolverd.handover.succession import Succession
from resolverd.snapshot.inputs import Inputs, Progress


@pytest.fixture
async def daemon(files: Files) -> AsyncIterator[Daemon]:
    """A daemon under a service manager."""
    files.config.write_text(files.config.read_text().replace("[server]", "[server]\nwatch = false"))
    async with supervised(files.config) as made:
        yield made


def _standbys() -> set[int]:
    """Processes of that name that come from this one, and have not ended."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state, parent, *_ = (entry / "stat").read_text().rpartition(")")[2].split()
            ours = state != "Z" and int(parent) == os.getpid()
            if ours and (entry / "comm").read_text().strip() == STANDBY:
                found.add(int(entry.name))
        except (OSError, ValueError):
            continue
    return found


async def test_a_reload_is_over_once_no_standby_waits_with_an_earlier_plan(
    daemon: Daemon, files: Files
) -> None:
    for serial in (8, 9, 10):
        before = _standbys()
        files.zone.write_text(zone_text(f"192.0.2.{80 + serial}", serial))
        assert await daemon.reload()
        assert not _standbys() & before


async def test_ports_are_bound_once_nobody_of_before_is_waited_for(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And files are read before that wait, for whoever was killed needs a while to end."""
    order: list[str] = []
    load = Daemon._load

    async def loading(daemon: Daemon, progress: Progress | None) -> Inputs:
        order.append("load")
        return await load(daemon, progress)

    async def alone(_: Succession) -> None:
        order.append("wait")

    def binding(
        stored: Mapping[str, list[socket.socket]], listen: Sequence[Listener], workers: int
    ) -> tuple[list[Listener], list[BoundSockets]]:
        order.append("bind")
        return bind_again(stored, listen, workers)

    monkeypatch.setattr(Daemon, "_load", loading)
    monkeypatch.setattr(Succession, "alone", alone)
    monkeypatch.setattr("resolverd.supervision.bind_again", binding)
    async with running(files.config):
        assert order == ["load", "wait", "bind"]
