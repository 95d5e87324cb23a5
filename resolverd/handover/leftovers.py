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
from collections.abc import Mapping
from pathlib import Path

STANDBY = "standby"
"""The name of a standby's process (comm of proc(5))."""

_CGROUPS = Path("/sys/fs/cgroup")


def kill_leftovers(
    *, but: str = "", within: float = 0.0, process: Path = Path("/proc"), cgroups: Path = _CGROUPS
) -> list[int]:
    """Kill what is in this process's cgroup and does not come from it, `but` for one; the PIDs.

    Blocks until they have ended, and hold no port any more, for at most `within` seconds. To be
    called by the main process of a service alone: elsewhere the cgroup is others' too.
    """
    parents = {pid: _parent(process, pid) for pid in _members(process, cgroups)}
    killed, ends = [], []
    for pid in strangers(parents, os.getpid()):
        if but and _name(process, pid) == but:
            continue
        end = _end_of(pid) if within else None
        if end is not None:
            ends.append(end)
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:  # it has ended, or is another user's
            continue
        killed.append(pid)
    _wait_for(ends, within)
    return killed


def _end_of(pid: int) -> int | None:
    """A descriptor that is readable once the process has ended (pidfd_open(2)); None without."""
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


def _wait_for(ends: list[int], within: float) -> None:
    until = time.monotonic() + within
    for end in ends:
        poll = select.poll()
        poll.register(end, select.POLLIN)
        poll.poll(1000 * max(0.0, until - time.monotonic()))
        os.close(end)


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
