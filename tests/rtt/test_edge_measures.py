"""A daemon whose probes measure the way to each region: seen, shown, and kept over a restart."""

from __future__ import annotations

import asyncio
import csv
import re
import subprocess
import sys
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cli.command import environment
from harness.config import REGIONS, config_text
from harness.daemon import Endpoints, running, write_files
from harness.delayed_link import DelayedLink
from harness.hanging import hanging_mount
from harness.namespace import needs_root
from harness.server import HEAD
from harness.waiting import until_holds
from structlog.testing import capture_logs

from resolverd.files.writing import WRITES
from resolverd.rtt.kept_table import KEPT_NAME, LEAST_MS

ZONE = f"{HEAD}chat 60 DYNA chat\n"
KEEP = '\n[rtt]\nkeep_interval = "1s"\n'
HERE = "[50.1, 8.7]"
DELAY = 0.03


@pytest.fixture
def config(tmp_path: Path, played: Endpoints) -> Path:
    """Regions far away that answer at once, but for eu-west, which stands here."""
    path = write_files(
        tmp_path,
        {"inference.example.": ZONE},
        played,
        server='state = "state"\n',
    )
    path.write_text(path.read_text().replace("[53.3, -6.3]", HERE) + KEEP)
    return path


def kept(config: Path) -> list[dict[str, str]]:
    path = config.parent / "state" / KEPT_NAME
    if not path.exists():
        return []
    with path.open() as file:
        return list(csv.DictReader(file))


async def test_what_probes_measured_is_kept_and_what_light_cannot_do_is_not(config: Path) -> None:
    with capture_logs() as logged:
        async with running(config), asyncio.timeout(30):
            await until_holds(lambda: bool(kept(config)), within=20)
    [row] = kept(config)
    assert (row["where"], row["region"]) == ("50.1 8.7", "eu-west")
    assert 0 < float(row["ms"]) < 100
    assert int(row["count"]) >= 1
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row["measured"])
    implausible = {e["region"]: e["reason"] for e in logged if e["event"] == "rtt.implausible"}
    assert implausible.keys() == {*REGIONS} - {"eu-west"}
    assert "for which light in fibre takes" in implausible["ap-northeast"]


async def test_what_was_kept_outlives_a_restart_until_it_is_measured_again(
    config: Path, played: Endpoints
) -> None:
    folder = config.parent / "state"
    folder.mkdir()
    header = "where,region,ms,count,measured\n"
    rows = [
        "50.1 8.7,eu-west,900,7,2126-11-29T06:00:00Z",  # by a clock that was wrong
        "50.1 8.7,us-east,90,7,2126-11-29T06:00:00Z",  # implausible now
        "50.1 8.7,gone,90,7,2126-11-29T06:00:00Z",
        "48 2,eu-west,9,7,2126-11-29T06:00:00Z",  # measured elsewhere, before a move
        "50.1 8.7,eu-west,90,7,2001-11-29T06:00:00Z,",
    ]
    (folder / KEPT_NAME).write_text(header + "\n".join(rows) + "\n")
    async with running(config):
        await until_holds(lambda: len(kept(config)) == 1, within=20)
    [row] = kept(config)
    assert (row["where"], row["region"]) == ("50.1 8.7", "eu-west")
    assert float(row["ms"]) < 100


async def test_jitter_writes_no_other_table_and_a_drift_does(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(config) as daemon:
        await until_holds(lambda: bool(kept(config)), within=20)
        known, trips = daemon.round_trips.edge(), daemon.round_trips

        async def written(jitter: float) -> int:
            """Write what was measured, with so many ms more; when the file was written last."""
            times = {region: time._replace(ms=time.ms + jitter) for region, time in known.items()}

            def steps() -> Generator[None, None, object]:
                yield
                return times

            monkeypatch.setattr(trips, "_edge_in_steps", steps)
            await trips.write()
            return (config.parent / "state" / KEPT_NAME).stat().st_mtime_ns

        before = await written(0.0)  # a busy host's first handshakes take longer than the next
        with capture_logs() as logged:
            for jitter in (0.1, 0.5, 0.9 * LEAST_MS):
                assert await written(jitter) == before
        assert not [e for e in logged if e["event"] == "rtt.kept"]
        assert await written(1.8 * LEAST_MS) > before, "steps that are small each add up"


async def test_without_a_state_directory_all_is_known_and_nothing_kept(
    tmp_path: Path, played: Endpoints
) -> None:
    config = write_files(tmp_path, {"inference.example.": ZONE}, played)
    async with running(config) as daemon:
        await daemon.round_trips.look()
        assert daemon.round_trips.edge().keys() == {*REGIONS}
        assert daemon.round_trips.file is None


async def test_a_table_that_cannot_be_written_is_one_event(config: Path) -> None:
    async with running(config) as daemon:
        (config.parent / "state" / f".{KEPT_NAME}.new").mkdir()
        with capture_logs() as logged:
            for _ in range(3):
                await daemon.round_trips.write()
        assert daemon.round_trips.write_error
        assert [e["event"] for e in logged].count("rtt.not_kept") == 1


async def test_a_disk_that_hangs_is_one_event_and_the_looks_go_on(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(config) as daemon, asyncio.timeout(30):
        trips = daemon.round_trips
        with hanging_mount(config.parent / "state"), capture_logs() as logged:
            monkeypatch.setattr(WRITES, "limit", 0.1)
            for _ in range(3):
                await trips.write()
            await trips.look()
            assert trips.write_error == "the disk does not answer"
            assert [e["event"] for e in logged].count("rtt.not_kept") == 1
        await until_holds(lambda: not WRITES.hanging, within=20)
        monkeypatch.setattr(WRITES, "limit", 20.0)
        await trips.write()
        assert not trips.write_error


@needs_root
def test_a_way_that_takes_its_time_is_measured(tmp_path: Path) -> None:
    """Probes of a real daemon over a link on which each packet takes 30 ms."""
    with DelayedLink(DELAY) as link:
        link.near.address("192.0.2.200/32")
        link.far.address("9.9.9.9/32")
        server = link.far.do(lambda: ThreadingHTTPServer(("9.9.9.9", 0), _Well))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://9.9.9.9:{server.server_address[1]}"
        (tmp_path / "0.zone").write_text(f"$ORIGIN inference.example.\n{ZONE}")
        (tmp_path / "resolverd.toml").write_text(
            config_text(
                server='listen = ["127.0.0.1:0"]\nzones = ["*.zone"]\nstate = "state"\n',
                admin='socket = "admin.sock"\nlisten = ""\n',
                probe='interval = "1s"\n',
                urls=dict.fromkeys(REGIONS, url),
            )
            + KEEP
        )
        command = [sys.executable, "-m", "resolverd", "serve", "--log", "json"]
        daemon = link.near.do(
            lambda: subprocess.Popen(
                command, cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, text=True
            )
        )
        with daemon:
            assert daemon.stderr is not None
            try:
                for line in daemon.stderr:
                    if '"rtt.kept"' in line:
                        break
            finally:
                daemon.terminate()
                daemon.stderr.read()
                assert daemon.wait(30) == 0
        server.shutdown()
        server.server_close()
    rows = {row["region"]: float(row["ms"]) for row in kept(tmp_path / "resolverd.toml")}
    assert 2000 * DELAY <= rows["eu-west"] < 2000 * DELAY + 40
    assert 2000 * DELAY <= rows["us-east"] < 2000 * DELAY + 40
    assert "ap-northeast" not in rows, "that far it cannot be"


class _Well(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""
