"""`resolverd serve` as a process: ready, reload, signals, and what it refuses to start with."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cli.command import TIMEOUT, environment, process
from harness.daemon import Endpoints, endpoints, write_files
from harness.server import HEAD

ZONES = {"inference.example.": f"{HEAD}www 60 A 192.0.2.80\nchat 60 DYNA chat\n"}


class Served:
    """A running daemon and the events it has logged; every line of its log is an object."""

    def __init__(self, running: asyncio.subprocess.Process) -> None:
        self.running = running
        self.events: list[dict[str, Any]] = []

    async def until(self, name: str) -> dict[str, Any]:
        """The next event of that name."""
        assert self.running.stderr is not None
        async with asyncio.timeout(TIMEOUT):
            while line := await self.running.stderr.readline():
                event: dict[str, Any] = json.loads(line)
                self.events.append(event)
                if event["event"] == name:
                    return event
        raise AssertionError(f"it ended before {name}: {self.events}")

    async def end(self, number: signal.Signals) -> int:
        """Send a signal and wait for the end; the exit status."""
        self.running.send_signal(number)
        await self.until("stopped")
        async with asyncio.timeout(TIMEOUT):
            return await self.running.wait()


@pytest.fixture
async def played() -> AsyncIterator[Endpoints]:
    """Endpoints that answer every probe."""
    async with endpoints() as playing:
        yield playing


@asynccontextmanager
async def serve(path: Path, *more: str) -> AsyncIterator[Served]:
    """A daemon over `path`; killed at the end if it has not ended by then."""
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "resolverd", "serve", "--config", path.name, *more),
        cwd=path.parent,
        env=environment(),
        stderr=asyncio.subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )
    try:
        yield Served(running)
    finally:
        if running.returncode is None:
            running.kill()
            await running.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_tells_when_and_where_it_is_ready_and_a_signal_ends_it_well(
    tmp_path: Path, played: Endpoints, number: signal.Signals
) -> None:
    async with serve(write_files(tmp_path, ZONES, played)) as served:
        ready = await served.until("ready")
        (listener,) = ready["listen"]
        address, _, port = listener.rpartition(":")
        assert address == "127.0.0.1"
        assert int(port) > 0
        assert (ready["zone_count"], ready["service_count"], ready["level"]) == (1, 1, "info")
        _reader, writer = await asyncio.open_connection(address, int(port))
        writer.close()
        assert await served.end(number) == 0
        assert {"timestamp", "level", "event", "component"} <= set(served.events[0])


async def test_a_hang_up_reloads_or_says_why_not_and_it_serves_on(
    tmp_path: Path, played: Endpoints
) -> None:
    async with serve(write_files(tmp_path, ZONES, played)) as served:
        ready = await served.until("ready")
        with (tmp_path / "0.zone").open("a") as zone:
            zone.write("more 60 A 192.0.2.9\n")
        served.running.send_signal(signal.SIGHUP)
        adopted = await served.until("reload.adopted")
        assert adopted["generation"] == ready["generation"] + 1
        (tmp_path / "0.zone").write_text("$ORIGIN inference.example.\nwww 60 A 192.0.2.999\n")
        served.running.send_signal(signal.SIGHUP)
        refused = await served.until("reload.refused")
        assert refused["generation"] == adopted["generation"]
        assert any(line.startswith("0.zone:2:10: zone-bad-rdata") for line in refused["problems"])
        assert await served.end(signal.SIGTERM) == 0


async def test_a_warning_at_start_is_an_event(tmp_path: Path, played: Endpoints) -> None:
    path = write_files(tmp_path, ZONES, played)
    pin = '\n[pin.narrow]\nsubnets = ["203.0.113.0/28"]\nregions = ["us-east"]\n'
    path.write_text(path.read_text() + pin)
    async with serve(path, "--log", "json") as served:
        warned = await served.until("check.warning")
        assert "config-pin-narrow" in warned["problems"][0]
        await served.until("ready")
        assert await served.end(signal.SIGTERM) == 0


def test_a_bad_configuration_is_refused_with_every_problem(place: Path) -> None:
    path = place / "resolverd.toml"
    path.write_text(path.read_text().replace('policy = "failover"', 'policy = "failovr"'))
    path.write_text(path.read_text().replace('["DE"]', '["de"]'))
    ran = process("serve", cwd=place)
    assert (ran.status, ran.out) == (1, "")
    assert "service.alias.policy" in ran.err
    assert "is not in capitals" in ran.err
    errors = [line for line in ran.err.splitlines() if line.startswith("resolverd.toml:")]
    assert len(errors) == 2


def test_bad_zones_and_databases_are_refused_together(place: Path) -> None:
    zone = place / "zones" / "inference.zone"
    zone.write_text(zone.read_text() + "a A x\nb DYNA none\n")
    (place / "city.mmdb").write_bytes(b"no database")
    ran = process("serve", cwd=place)
    assert (ran.status, ran.out) == (1, "")
    for problem in ("zone-bad-rdata", "zone-dyna-unknown-service", "geo-refused", "city.mmdb"):
        assert problem in ran.err


def test_a_port_in_use_is_named(place: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        listener = f"127.0.0.1:{taken.getsockname()[1]}"
        ran = process("serve", "--set", f'server.listen=["{listener}"]', cwd=place)
    assert (ran.status, ran.out) == (3, "")
    assert any(listener in line and "in use" in line for line in ran.err.splitlines())


def test_an_address_of_another_host_is_named(place: Path) -> None:
    ran = process("serve", "--set", 'server.listen=["192.0.2.1:0"]', cwd=place)
    assert ran.status == 3
    assert "192.0.2.1:0" in ran.err
