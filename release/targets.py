"""The machines that a published wheel is for.

A wheel holds the native library for one architecture and reaches it by a C ABI, so it is one for
every Python: its tag says so (``py3-none``). The library asks for no newer glibc than `GLIBC`,
which is in the platform's name too (PEP 600).
"""

from __future__ import annotations

from typing import NamedTuple

GLIBC = (2, 28)
"""The oldest glibc that serves natively: Debian 10, RHEL 8, Ubuntu 18.10, and all since."""


class Target(NamedTuple):
    """One architecture, as each tool names it."""

    machine: str
    """As `uname -m` does."""
    debian: str
    """As `dpkg --print-architecture` does."""

    @property
    def triple(self) -> str:
        """The Rust target."""
        return f"{self.machine}-unknown-linux-gnu"

    @property
    def zig(self) -> str:
        """The target of `zig cc`, which links against the glibc named."""
        return f"{self.machine}-linux-gnu.{GLIBC[0]}.{GLIBC[1]}"

    @property
    def platform(self) -> str:
        """The platform tag of the wheel (PEP 600)."""
        return f"manylinux_{GLIBC[0]}_{GLIBC[1]}_{self.machine}"


TARGETS = (Target("x86_64", "amd64"), Target("aarch64", "arm64"))


def named(machine: str) -> Target:
    """The one of that machine. Raises KeyError for one that nothing is published for."""
    return {target.machine: target for target in TARGETS}[machine]
