"""A log that is full, closed or not read costs events, and nothing else of a daemon."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from cli.command import environment
from harness.process import NEAREST, SECOND, TIMEOUT, Running, serving

DROPPED = "resolverd_log_dropped_total"
PIPE = 64 * 1024
ENGINES = {
    "native": 'engine = "native"\nworkers = 1\n',
    "reference": 'engine = "reference"\n',
    "two processes": 'engine = "reference"\nworkers = 2\n',
}
ORDER = {"target": "us-west", "kind": "drain", "why": "a test"}


def _steers(running: Running) -> None:
    """A region dies and others are answered; the admin API obeys."""
    running.until(lambda: running.answer() == NEAREST)
    running.regions.dead.add("eu-west")
    running.until(lambda: running.answer() == SECOND)
    assert running.ask("POST", "/override", ORDER)[0] == 200
    assert running.ask("GET", "/healthz")[0] == 200


@pytest.mark.parametrize("engine", ENGINES)
def test_a_reader_that_stands_still_stops_nothing(tmp_path: Path, engine: str) -> None:
    reads, writes = os.pipe()
    with serving(tmp_path, writes, server=f"{ENGINES[engine]}query_log = 1.0\n") as running:
        os.close(writes)
        running.log_much(5 * PIPE)
        _steers(running)
        assert running.stop() == 0
    os.close(reads)


def test_a_reader_that_is_gone_stops_nothing(tmp_path: Path) -> None:
    reads, writes = os.pipe()
    with serving(tmp_path, writes) as running:
        os.close(writes)
        os.close(reads)
        _steers(running)
        running.until(lambda: running.metric(DROPPED) >= 2)
        assert running.stop() == 0


def test_a_full_disk_stops_nothing_from_the_start_on(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full, serving(tmp_path, full) as running:
        _steers(running)
        running.until(lambda: running.metric(DROPPED) >= 2)
        assert running.stop() == 0


def test_a_terminal_that_is_stopped_stops_nothing(tmp_path: Path) -> None:
    """Ctrl-S stops what is written to a terminal until Ctrl-Q."""
    ours, theirs = pty.openpty()
    with serving(tmp_path, theirs, server="query_log = 1.0\n") as running:
        os.write(ours, b"\x13")
        running.log_much(2 * PIPE)
        _steers(running)
        os.close(theirs)
        assert running.stop() == 0
    os.close(ours)


def test_a_reader_that_comes_back_reads_whole_lines_and_how_many_are_missing(
    tmp_path: Path,
) -> None:
    reads, writes = os.pipe()
    server = f"{ENGINES['two processes']}query_log = 1.0\n"
    with serving(tmp_path, writes, server=server) as running:
        os.close(writes)
        running.log_much(800_000)
        running.until(lambda: running.metric(DROPPED) > 1000)
        events: list[dict[str, Any]] = []
        with os.fdopen(reads, "rb") as reader:
            while sum(event["event"] == "query" for event in events) < 2000:
                events.append(json.loads(reader.readline()))
            # More than one where what the other process sent was still on its way.
            dropped = [event["event_count"] for event in events if event["event"] == "log.dropped"]
            assert sum(dropped) > 1000
            threading.Thread(target=reader.read, daemon=True).start()
            assert running.stop() == 0


@pytest.mark.parametrize("fault", ["full", "not read"])
def test_a_refused_start_ends_with_its_own_status_whatever_its_log_is(
    tmp_path: Path, fault: str
) -> None:
    (tmp_path / "resolverd.toml").write_text("[server]\nnonsense = 1\n")
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    with contextlib.suppress(BlockingIOError):  # it is full
        for _ in range(PIPE):
            os.write(writes, b"x" * 4096)
    os.set_blocking(writes, True)
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "resolverd", "serve"],
            cwd=tmp_path,
            env=environment(),
            stderr=full if fault == "full" else writes,
            timeout=TIMEOUT,
            check=False,
        )
    assert ended.returncode == 1
    os.close(reads)
    os.close(writes)
