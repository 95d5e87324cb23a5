"""Signals that nobody means end neither a daemon nor its workers, and are logged."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from harness.process import NEAREST, serving

from resolverd.ignored_signals import UNMEANT

NAMED = {"SIGUSR1", "SIGUSR2", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGIO", "SIGPWR", "SIGRTMAX"}


@pytest.mark.parametrize(
    "engine", ['engine = "native"\nworkers = 2\n', 'engine = "reference"\nworkers = 2\n']
)
def test_signals_that_nobody_means_are_ignored_and_logged(tmp_path: Path, engine: str) -> None:
    log = tmp_path / "log"
    with log.open("wb") as written, serving(tmp_path, written, server=engine) as running:
        pid = running.process.pid
        workers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for process in [pid, *(int(worker) for worker in workers if _is_worker(worker))]:
            for number in (*UNMEANT, signal.SIGPIPE):
                os.kill(process, number)
        assert [running.answer() for _ in range(20)] == [NEAREST] * 20
        assert running.ask("GET", "/healthz")[0] == 200

        def logged() -> bool:
            events = [json.loads(line) for line in log.read_text().splitlines()]
            return {e["signal"] for e in events if e["event"] == "signal.ignored"} >= NAMED

        running.until(logged)
        assert running.stop() == 0


def _is_worker(pid: str) -> bool:
    return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
