"""Whose work goes first on a scarce core: nice values of a daemon's threads, as the kernel says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.command import environment
from harness.engines import needs_native
from harness.process import Running, serving

LOOP, BACKGROUND, PRECEDENCE = 10, 19, 15
MOST = 19  # a test before may have made this process as nice as a daemon
# A process that may not lower nice values, whoever its user is.
UNPRIVILEGED = ("setpriv", "--bounding-set", "-sys_nice", "--inh-caps", "-sys_nice")
THREADS_AND_WORK = """\
import asyncio, os
from resolverd.files.threads import detached
from resolverd.precedence import stand_back

def nice():
    return os.getpriority(os.PRIO_PROCESS, 0)

async def shown():
    print(nice(), await detached(nice))
    stand_back()
    stand_back()  # as where an engine is begun again
    print(nice(), await detached(nice), await detached(nice, background=False))
    print(await asyncio.to_thread(nice))

asyncio.run(shown())
"""


def may_lower_nice_values() -> bool:
    """Whether this process has CAP_SYS_NICE."""
    status = Path("/proc/self/status").read_text()
    effective = next(line for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(effective.split()[1], 16) >> 23 & 1)


def nice_values(process: int) -> Iterator[tuple[str, int]]:
    """Name and nice value of each thread (proc_pid_stat(5))."""
    for task in Path(f"/proc/{process}/task").iterdir():
        name, _, fields = (task / "stat").read_text().partition("(")[2].rpartition(")")
        yield name, int(fields.split()[16])


def standing(daemon: Running) -> tuple[set[int], set[int]]:
    """The nice values of the threads that answer, and of the main thread of Python."""
    found = list(nice_values(daemon.process.pid))
    main = os.getpriority(os.PRIO_PROCESS, daemon.process.pid)
    return {nice for name, nice in found if name.startswith("serve-")}, {main}


@needs_native
@pytest.mark.skipif(not may_lower_nice_values(), reason="it takes CAP_SYS_NICE")
def test_what_answers_goes_first_where_that_is_allowed(tmp_path: Path) -> None:
    given = os.getpriority(os.PRIO_PROCESS, 0)
    with serving(tmp_path, subprocess.DEVNULL, server="workers = 2\n") as daemon:
        assert standing(daemon) == ({given - PRECEDENCE}, {min(MOST, given + LOOP)})
        assert daemon.answer()


@needs_native
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="it takes setpriv of util-linux")
def test_what_answers_keeps_its_place_where_nobody_may_go_before(tmp_path: Path) -> None:
    """Python's threads stand back all the same, and nothing is said of it."""
    given = os.getpriority(os.PRIO_PROCESS, 0)
    log = tmp_path / "log"
    with (
        log.open("wb") as events,
        serving(tmp_path, events, server="workers = 2\n", under=UNPRIVILEGED) as daemon,
    ):
        assert standing(daemon) == ({given}, {min(MOST, given + LOOP)})
        assert daemon.answer()
    assert "nice" not in log.read_text()


def test_work_in_the_background_stands_behind_the_loop_once_something_is_served() -> None:
    """A start is no background; a thread that somebody waits for stands where the loop does."""
    shown = subprocess.run(
        [sys.executable, "-c", THREADS_AND_WORK],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    given = os.getpriority(os.PRIO_PROCESS, 0)
    loop = min(MOST, given + LOOP)
    assert [[int(nice) for nice in line.split()] for line in shown.stdout.splitlines()] == [
        [given, given],
        [loop, min(MOST, given + BACKGROUND), loop],
        [loop],
    ]
