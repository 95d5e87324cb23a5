"""What control groups allow a process: memory and CPU, both versions of their interface.

A limit of any ancestor binds as well, so the least is what counts. Inside a container the path
in /proc/PID/cgroup may be the host's; its ancestors then end at the container's own root.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from resolverd.doctor.procfs import Procfs


def memory_limit(proc: Procfs, process: str) -> int | None:
    """Octets that the process's groups may use, or None where nothing limits it."""
    found = [
        limit
        for group in _groups(proc, process, "memory")
        for name in ("memory.max", "memory.limit_in_bytes")
        if (limit := proc.number(f"{group}/{name}")) is not None
    ]
    return min(found, default=None)


def cpu_quota(proc: Procfs, process: str) -> float | None:
    """Cores' worth of CPU time that the process's groups may use, or None without a limit."""
    found: list[float] = []
    for group in _groups(proc, process, "cpu"):
        quota, _, period = (proc.text(f"{group}/cpu.max") or "").strip().partition(" ")
        if not quota:
            quota = str(proc.number(f"{group}/cpu.cfs_quota_us"))
            period = str(proc.number(f"{group}/cpu.cfs_period_us"))
        if quota.isdigit() and period.isdigit():  # "max" and -1 are no limit
            found.append(int(quota) / int(period))
    return min(found, default=None)


def _groups(proc: Procfs, process: str, controller: str) -> Iterator[str]:
    """The directories of the process's group and its ancestors."""
    for row in (proc.text(f"proc/{process}/cgroup") or "").splitlines():
        _, controllers, path = [*row.split(":", 2), "", "", ""][:3]
        if not path.startswith("/") or (controllers and controller not in controllers.split(",")):
            continue
        mount = f"sys/fs/cgroup/{controller}" if controllers else "sys/fs/cgroup"
        own = PurePosixPath(path)
        for group in (own, *own.parents):
            yield f"{mount}/{group.relative_to('/')}"
