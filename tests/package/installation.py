"""What apt and dpkg do in a booted system, and what is left of it."""

from __future__ import annotations

import shutil

from package.roots import Packages
from systemd.box import Box

_PATIENCE = 240.0  # seconds: bytecode is compiled on a busy machine
_UNSEEN = ("/proc", "/sys", "/dev", "/run", "/tmp", "/var/log", "/var/lib/dpkg", "/var/cache")
LOOPBACK = {
    ("tcp", "127.0.0.1:5300"),
    ("tcp", "[::1]:5300"),
    ("udp", "127.0.0.1:5300"),
    ("udp", "[::1]:5300"),
}


class Installation:
    """One system."""

    def __init__(self, box: Box) -> None:
        self.box = box

    def install(self, packages: Packages) -> str:
        """Install or upgrade, keeping edited files; what was said. Raises BoxError."""
        for each in packages.files:
            shutil.copy(each, self.box.folder)
        names = [f"/run/box/{each.name}" for each in packages.files]
        return self._dpkg("--force-confold", "--install", *names)

    def remove(self) -> str:
        """Remove both; configuration stays."""
        return self._dpkg("--remove", "resolverd", "resolverd-common")

    def purge(self) -> str:
        """Remove all."""
        return self._dpkg("--purge", "resolverd", "resolverd-common")

    def state(self, unit: str) -> tuple[str, str]:
        """Whether it is enabled, and whether it is active, as systemctl says it."""
        return (
            self.box.run("systemctl", "is-enabled", unit, check=False).strip(),
            self.box.run("systemctl", "is-active", unit, check=False).strip(),
        )

    def listening(self) -> set[tuple[str, str]]:
        """What is bound, as (udp or tcp, address:port)."""
        rows = [row.split() for row in self.box.run("ss", "-Hlntu").splitlines()]
        return {(row[0], row[4]) for row in rows}

    def files(self) -> set[str]:
        """Every path, but for those of dpkg, of logs, and of what is gone at the next boot."""
        pruned = " -o ".join(f"-path {path}" for path in _UNSEEN)
        command = f"find / -xdev \\( {pruned} \\) -prune -o -print"
        return set(self.box.run("sh", "-c", command, timeout=_PATIENCE).splitlines())

    def processes(self) -> list[str]:
        """The command lines of daemons and standbys."""
        rows = self.box.run(
            "sh", "-c", "for each in /proc/[0-9]*; do cat $each/cmdline; echo; done"
        )
        lines = (row.replace("\0", " ") for row in rows.splitlines())
        return [line for line in lines if "/usr/bin/resolverd serve" in line]

    def _dpkg(self, *arguments: str) -> str:
        command = ("env", "DEBIAN_FRONTEND=noninteractive", "dpkg", *arguments)
        return self.box.run(*command, timeout=_PATIENCE)
