"""Reading /proc, /sys and /etc, where any file may be missing: then there is None, no error.

`root` is the file system's; tests give a directory of their own. A process is named by its
number, or by "self".
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from resolverd.dns.hostnames import is_address

_NAMESERVER = re.compile(r"^\s*nameserver\s+([0-9A-Fa-f.:]+)", re.MULTILINE)


class Tracking(NamedTuple):
    """The connection tracking table; `timeout` in seconds, `drops` since it was loaded."""

    entries: int
    capacity: int
    timeout: int
    drops: int


class Procfs:
    """The files of one host, by path below its root."""

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root

    def text(self, path: str) -> str | None:
        """A file's text; None where it is missing or may not be read."""
        try:
            return (self.root / path).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None

    def number(self, path: str) -> int | None:
        """A file that is one whole number, or None."""
        return _whole((self.text(path) or "").strip())

    def sysctl(self, name: str) -> int | None:
        """A kernel parameter, such as ``net.core.rmem_max``."""
        return self.number("proc/sys/" + name.replace(".", "/"))

    def exists(self, path: str) -> bool:
        """Whether a file is there, and may be seen."""
        try:
            return (self.root / path).exists()
        except OSError:
            return False

    def status(self, process: str, field: str) -> str | None:
        """One field of /proc/PID/status, such as ``CapEff``."""
        for row in (self.text(f"proc/{process}/status") or "").splitlines():
            name, _, value = row.partition(":")
            if name == field:
                return value.strip()
        return None

    def open_files_limit(self, process: str) -> int | None:
        """The hard limit on open files, to which the daemon raises its own."""
        for row in (self.text(f"proc/{process}/limits") or "").splitlines():
            if row.startswith("Max open files"):
                hard = row.split()[4:5]
                return 1 << 31 if hard == ["unlimited"] else _whole(*hard)
        return None

    def cores(self, process: str) -> int | None:
        """How many cores a process may run on."""
        listed = self.status(process, "Cpus_allowed_list")
        if not listed:
            return None
        spans = [part.split("-") for part in listed.split(",")]
        return sum(int(span[-1]) - int(span[0]) + 1 for span in spans)

    def memory(self) -> int | None:
        """The host's memory, in octets; None where /proc/meminfo cannot be read."""
        found = re.search(r"^MemTotal:\s+(\d+) kB", self.text("proc/meminfo") or "", re.MULTILINE)
        return int(found[1]) << 10 if found else None

    def udp(self) -> dict[str, int] | None:
        """The kernel's UDP counters since boot, IPv4 and IPv6 together, by their snmp names."""
        rows = [row.split() for row in (self.text("proc/self/net/snmp") or "").splitlines()]
        tables = [row[1:] for row in rows if row[:1] == ["Udp:"]]
        if len(tables) != 2:
            return None
        counted = {name: int(value) for name, value in zip(*tables, strict=False)}
        for row in (self.text("proc/self/net/snmp6") or "").splitlines():
            name, _, value = row.partition(" ")
            if name.startswith("Udp6"):
                plain = name.removeprefix("Udp6")
                counted[plain] = counted.get(plain, 0) + int(value)
        return counted

    def backlog(self) -> tuple[int, int] | None:
        """Packets that the cores took from their input queues, and those dropped at them."""
        rows = [row.split() for row in (self.text("proc/self/net/softnet_stat") or "").splitlines()]
        if not rows or any(len(row) < 2 for row in rows):
            return None
        return sum(int(row[0], 16) for row in rows), sum(int(row[1], 16) for row in rows)

    def tracking(self) -> Tracking | None:
        """The connection tracking table; None where the module is not loaded."""
        base = "net.netfilter.nf_conntrack_"
        capacity, entries = self.sysctl(base + "max"), self.sysctl(base + "count")
        if capacity is None or entries is None:
            return None
        timeout = self.sysctl(base + "udp_timeout")
        return Tracking(
            entries, capacity, 30 if timeout is None else timeout, self._tracking_drops()
        )

    def _tracking_drops(self) -> int:
        rows = (self.text("proc/self/net/stat/nf_conntrack") or "").splitlines()
        names = rows[0].split() if rows else []
        at = [names.index(name) for name in ("drop", "early_drop") if name in names]
        cells = [row.split() for row in rows[1:]]
        return sum(int(row[i], 16) for row in cells for i in at if i < len(row))

    def strict_interfaces(self) -> tuple[str, ...] | None:
        """Interfaces with IPv4 routes, where there are several and a source is checked strictly.

        The filter in force is the larger of the interface's and that of "all"; 1 is strict.
        """
        routes = self.text("proc/self/net/route")
        everywhere = self.sysctl("net.ipv4.conf.all.rp_filter")
        if routes is None or everywhere is None:
            return None
        named = {row.split()[0] for row in routes.splitlines()[1:] if row.split()} - {"lo"}
        if len(named) < 2:
            return ()
        # Not by sysctl(): an interface's name may have a dot.
        own = {name: self.number(f"proc/sys/net/ipv4/conf/{name}/rp_filter") for name in named}
        return tuple(sorted(n for n, value in own.items() if max(everywhere, value or 0) == 1))

    def nameservers(self) -> list[str] | None:
        """The addresses that /etc/resolv.conf names, or None without that file."""
        text = self.text("etc/resolv.conf")
        return None if text is None else list(filter(is_address, _NAMESERVER.findall(text)))


def _whole(text: str = "") -> int | None:
    try:
        return int(text)
    except ValueError:
        return None
