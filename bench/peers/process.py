"""What a server uses, from /proc: the CPU time and the memory of its process and all below it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def tree(root: int) -> list[int]:
    """`root` and the processes below it."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        fields = _fields(stat)
        if fields:
            children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def cpu_ns(root: int, thread: str = "") -> int:
    """Nanoseconds of CPU, user and system, that the processes of the tree have used.

    Threads that ended are counted, processes that ended are not. With `thread`, those of the
    threads alone whose name begins so, and that live.
    """
    if not thread:
        return sum(_process_ns(pid) for pid in tree(root))
    tasks = (task for pid in tree(root) for task in _tasks(pid))
    return sum(_task_ns(task) for task in tasks if _name(task).startswith(thread))


def resident_bytes(root: int) -> int:
    """Resident memory of the tree; pages that its processes share count once."""
    private, shared = 0, 0
    for pid in tree(root):
        sizes = _rollup(pid)
        private += sizes.get("Private_Clean", 0) + sizes.get("Private_Dirty", 0)
        shared = max(shared, sizes.get("Shared_Clean", 0) + sizes.get("Shared_Dirty", 0))
    return private + shared


def keep_on(root: int, cpus: Iterable[int]) -> None:
    """Let every thread of the tree run on `cpus` only."""
    wanted = set(cpus)
    for pid in tree(root):
        for task in _tasks(pid):
            try:
                os.sched_setaffinity(int(task.name), wanted)
            except ProcessLookupError:
                continue  # it ended meanwhile


def _tasks(pid: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return []


def _process_ns(pid: int) -> int:
    """Of all of its threads, whether they live or not; to the nanosecond, as schedstat has them."""
    try:
        # clock_getcpuclockid(3) of another process, as the kernel makes it up (CPUCLOCK_SCHED).
        return time.clock_gettime_ns(~pid << 3 | 2)
    except OSError:  # it ended meanwhile
        return 0


def _task_ns(task: Path) -> int:
    try:
        return int((task / "schedstat").read_text().split()[0])
    except OSError:  # a kernel without it, or a thread that ended
        fields = _fields(task / "stat")
        return (int(fields[11]) + int(fields[12])) * _TICK_NS if fields else 0


def _name(task: Path) -> str:
    try:
        return (task / "comm").read_text()
    except OSError:  # it ended meanwhile
        return ""


def _fields(stat: Path) -> list[str]:
    """The fields after the command's name: state, parent, …"""
    try:
        return stat.read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _rollup(pid: int) -> dict[str, int]:
    """Octets by kind."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.partition(":") for line in lines if line.endswith(" kB"))
    return {name: int(rest.split()[0]) * 1024 for name, _, rest in pairs}
