"""A stop ends before the service manager kills, whatever hangs: a worker, a disk, or both."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import time
from pathlib import Path

import pytest
from harness.hanging import hanging_mount
from live_daemon import Endpoint, Files, good_config, until
from structlog.testing import capture_logs

from resolverd import stop_limits
from resolverd.daemon import Daemon
from resolverd.engine.pool import WorkerPool
from resolverd.errors import EngineError
from resolverd.files.reading import THREADS
from resolverd.files.writing import WRITES

ROOT = Path(__file__).parents[2]
HURRY = 4.0
"""By which each limit is divided, for the test to be quick."""


def test_all_limits_together_are_less_than_what_the_service_manager_gives() -> None:
    unit = (ROOT / "systemd" / "resolverd.service").read_text()
    (given,) = re.findall(r"^TimeoutStopSec=(\d+)s$", unit, re.MULTILINE)
    assert float(given) - stop_limits.WHOLE >= 1.0


@pytest.mark.parametrize("hangs", [("worker",), ("worker", "disk")], ids="+".join)
async def test_a_stop_ends_in_time_while_something_hangs(
    files: Files,
    endpoints: dict[str, Endpoint],
    monkeypatch: pytest.MonkeyPatch,
    hangs: tuple[str, ...],
) -> None:
    """While an operator's word is being published, and written, too."""
    state = files.config.parent / "state"
    state.mkdir()
    with hanging_mount(state):
        pass  # skips where it is not allowed, before there is a daemon
    options = 'state = "state"\nwatch = false\nengine = "reference"\nworkers = 2\n'
    files.config.write_text(good_config(endpoints, options))
    daemon = Daemon(files.config)
    await daemon.start()
    assert isinstance(daemon.engine, WorkerPool)
    await daemon.counters()
    stuck = daemon.engine._workers[0][0]
    assert stuck.pid is not None
    with contextlib.ExitStack() as hanging, capture_logs() as logged:
        if "disk" in hangs:
            hanging.enter_context(hanging_mount(state))
        for name in [name for name in vars(stop_limits) if name.isupper()]:
            monkeypatch.setattr(stop_limits, name, getattr(stop_limits, name) / HURRY)
        os.kill(stuck.pid, signal.SIGSTOP)
        confirming = asyncio.create_task(daemon.republish())
        await asyncio.sleep(0)
        began = time.monotonic()
        await daemon.stop()
        took = time.monotonic() - began
    assert took < stop_limits.WHOLE + 1.0, "which a busy host may take"
    assert stuck.exitcode == -signal.SIGKILL
    assert [event["event"] for event in logged][-1] == "stopped"
    with contextlib.suppress(EngineError):
        await confirming
    await until(lambda: not (THREADS.hanging or WRITES.hanging))
