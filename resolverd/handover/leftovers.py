"""Processes of earlier daemons in this one's cgroup: a standby that hangs, a stopped worker.

The service manager kills only the daemon itself, lest it kill the standby (systemd.kill(5),
KillMode=process). So whoever is left when the next daemon starts is killed by that: but for the
standby, which is known by the name of its process, and is to end once the daemon serves.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

STANDBY = "standby"
"""The name of a standby's process (comm of proc(5))."""

_CGROUPS = Path("/sys/fs/cgroup")
# Seconds between looks at a process whose end cannot be waited for.
_LOOK_INTERVAL = 0.01


class Killed(NamedTuple):
    """A process that was killed, and may not have ended yet.

    `end` is a descriptor that is readable once it has (pidfd_open(2)), None where there is none.
    """

    pid: int
    end: int | None


def kill_leftovers(
    *, but: str = "", process: Path = Path("/proc"), cgroups: Path = _CGROUPS
) -> list[Killed]:
    """Kill what is in this process's cgroup and does not come from it, `but` for one.

    Those that were killed are given to `wait_for`, which closes their descriptors.
    """
    parents = {pid: _parent(process, pid) for pid in _members(process, cgroups)}
    strange = strangers(parents, os.getpid())
    spared = [pid for pid in strange if but and _name(process, pid) == but]
    killed = [_kill(pid) for pid in strange if pid not in spared]
    return [each for each in killed if each is not None]


def wait_for(killed: Iterable[Killed], within: float) -> list[int]:
    """The PIDs of those that have not ended, and may hold ports, `within` so many seconds.

    Blocks until all have, or the time is over.
    """
    until = time.monotonic() + within
    return [each.pid for each in killed if not _ended(each, until)]


def _kill(pid: int) -> Killed | None:
    """None where it has ended already, or is another user's."""
    end = _end_of(pid)
    try:
        if end is None:
            os.kill(pid, signal.SIGKILL)
        else:
            signal.pidfd_send_signal(end, signal.SIGKILL)
    except OSError:
        if end is not None:
            os.close(end)
        return None
    return Killed(pid, end)


def _end_of(pid: int) -> int | None:
    """None where the kernel, a filter of system calls or this Python has no such thing."""
    try:
        return os.pidfd_open(pid)
    except (OSError, AttributeError):
        return None


def _ended(killed: Killed, until: float) -> bool:
    """Whether it has by then, in monotonic seconds. Blocks; closes its descriptor."""
    if killed.end is None:
        while (runs := _runs(killed.pid)) and time.monotonic() < until:
            time.sleep(_LOOK_INTERVAL)
        return not runs
    poll = select.poll()
    poll.register(killed.end, select.POLLIN)
    ended = poll.poll(1000 * max(0.0, until - time.monotonic()))
    os.close(killed.end)
    return bool(ended)


def _runs(pid: int) -> bool:
    """Whether it is there, and no zombie, which holds nothing any more (proc(5))."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")


def strangers(parents: Mapping[int, int], own: int) -> list[int]:
    """Those of `parents` (PID to its parent's) that are neither `own` nor come from it."""

    def ours(pid: int) -> bool:
        seen: set[int] = set()
        while pid in parents and pid not in seen and pid != own:
            seen.add(pid)
            pid = parents[pid]
        return pid == own

    return [pid for pid in parents if not ours(pid)]


def _members(process: Path, cgroups: Path) -> list[int]:
    """Everybody in this process's cgroup (cgroups(7)); nobody where that cannot be read."""
    try:
        rows = (process / "self/cgroup").read_text().splitlines()
        own = [row[3:].lstrip("/") for row in rows if row.startswith("0::")]
        # The root is no service's.
        if not own or not own[0]:
            return []
        return [int(pid) for pid in (cgroups / own[0] / "cgroup.procs").read_text().split()]
    except (OSError, ValueError):
        return []


def _name(process: Path, pid: int) -> str:
    try:
        return (process / str(pid) / "comm").read_text().strip()
    except OSError:
        return ""


def _parent(process: Path, pid: int) -> int:
    """The PID of its parent (proc(5)); 0 where it is gone."""
    try:
        return int((process / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0
