"""Whether the process has room: open files, memory, cores and CPU time."""

from __future__ import annotations

from typing import NamedTuple

from resolverd.doctor.finding import Finding, Level, octets, untold
from resolverd.engine.descriptors import tcp_connections

PROCESS_MEMORY = 96 << 20
"""What one process takes apart from databases, in octets: measured, with the packages loaded.

More warns of memory that is not used; less lets the kernel kill a daemon that was called well."""

COPIES = 3
"""A reload holds the old database, the new one, and the walk that checks the new one."""


class Descriptors(NamedTuple):
    """What the process with the most connections needs; connections are for each worker."""

    kept: int
    workers: int
    tcp_connections: int

    @property
    def all(self) -> int:
        """The sum: descriptors that are open at once when every limit is reached."""
        return self.kept + self.workers * self.tcp_connections


def open_files(limit: int | None, needed: Descriptors, process: str) -> Finding:
    """Without descriptors for all, the daemon takes fewer TCP connections than are configured.

    `process` is a number or "self". Where not even `needed.kept` are left, probes fail as if
    regions were dead.
    """
    if limit is None:
        return untold("open-files", f"/proc/{process}/limits")
    of = "a process started here" if process == "self" else f"the daemon (process {process})"
    seen = f"{of} may open {limit:,} files; {needed.all:,} are needed at full load"
    if limit >= needed.all:
        return Finding("open-files", "ok", seen)
    fewer = tcp_connections(limit, needed.tcp_connections, needed.workers, needed.kept)
    lack = limit < needed.kept + needed.workers
    seen += f": it takes {fewer:,} TCP connections a worker, not {needed.tcp_connections:,}"
    if lack:
        seen += f", and {needed.kept:,} files are wanted for all else"
    wanted = max(needed.all, 131072)
    whose = "$$" if process == "self" else process
    return Finding(
        "open-files",
        "fault" if lack else "warning",
        seen,
        f"prlimit --pid {whose} --nofile={wanted}:{wanted}  # as root; LimitNOFILE= in a unit",
    )


def needed_memory(processes: int, databases: int) -> int:
    """Octets that the processes take at their worst, which is during a reload."""
    return processes * PROCESS_MEMORY + COPIES * databases


def memory(host: int | None, limit: int | None, needed: int) -> Finding:
    """A reload that goes over a group's limit gets the daemon killed, minutes after an edit.

    All in octets; `limit` is that of the control groups, None without one.
    """
    if host is None and limit is None:
        return untold("memory", "/proc/meminfo")
    available = min(figure for figure in (host, limit) if figure is not None)
    whose = "the host has" if available == host else "the control group allows"
    seen = f"{whose} {octets(available)}; a reload takes about {octets(needed)}"
    if needed <= available:
        return Finding("memory", "ok", seen)
    wanted = f"{-(-needed >> 20)}M"
    if available == host:
        hint = "resolverd serve --set server.workers=1  # or a host with more memory"
    else:
        hint = f"systemctl set-property resolverd.service MemoryMax={wanted}"
    return Finding("memory", "warning", seen, hint)


def cores(count: int | None, workers: int) -> Finding:
    """Workers above the cores take turns, and each turn is latency; below, cores stand idle."""
    if count is None:
        return untold("cores", "/proc/self/status")
    cores = "1 core" if count == 1 else f"{count} cores"
    seen = f"{cores} for server.workers = {workers}"
    if workers == count:
        return Finding("cores", "ok", seen)
    level: Level = "warning" if workers > count else "advice"
    hint = f"resolverd serve --set server.workers={count}  # or workers = {count} in [server]"
    return Finding("cores", level, seen, hint)


def cpu_quota(quota: float | None, workers: int) -> Finding:
    """A group over its quota stands still for the rest of 100 ms, and resolvers time out.

    `quota` in cores, None without one.
    """
    if quota is None:
        return Finding("cpu-quota", "ok", "no CPU quota")
    seen = f"the control group allows {quota:g} cores' CPU time for server.workers = {workers}"
    if quota >= workers:
        return Finding("cpu-quota", "ok", seen)
    return Finding(
        "cpu-quota",
        "warning",
        f"{seen}: under load answers wait",
        "systemctl set-property resolverd.service CPUQuota=",
    )
