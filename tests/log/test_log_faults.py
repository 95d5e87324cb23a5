"""A log that is full, closed or not read costs events, and nothing else of a daemon."""

from __future__ import annotations

import os
import pty
from pathlib import Path

import pytest
from harness.process import NEAREST, SECOND, Running, serving

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
    assert running.answer() == NEAREST
    running.regions.dead.add("eu-west")
    running.until(lambda: running.answer() == SECOND, within=10)
    assert running.ask("POST", "/override", ORDER)[0] == 200
    assert running.ask("GET", "/healthz")[0] == 200


@pytest.mark.parametrize("engine", ENGINES)
def test_a_reader_that_stands_still_stops_nothing(tmp_path: Path, engine: str) -> None:
    reads, writes = os.pipe()
    with serving(tmp_path, writes, server=f"{ENGINES[engine]}query_log = 1.0\n") as running:
        os.close(writes)
        running.log_much(5 * PIPE)
        _steers(running)
        assert running.stop(within=10) == 0
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
        assert running.stop(within=10) == 0
    os.close(ours)
