"""One finding: what was seen on the host, how bad it is, and how to fix it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

Level = Literal["ok", "advice", "warning", "fault"]
LEVELS: tuple[Level, ...] = ("ok", "advice", "warning", "fault")
"""From best to worst: advice could be better, a warning will bite under load or with time, and
with a fault resolverd does not serve, or not what it should."""

IDS = (
    "config",
    "restart",
    "state",
    "engine",
    "fleet",
    "listen",
    "port",
    "admin-port",
    "port-range",
    "capability",
    "address",
    "ipv6",
    "reverse-path",
    "resolver",
    "geo-unreadable",
    "geo-age",
    "geo-precision",
    "open-files",
    "inotify",
    "memory",
    "cores",
    "cpu-quota",
    "udp-buffer",
    "udp-drops",
    "input-queue",
    "tcp-backlog",
    "conntrack",
    "endpoint",
    "clock",
)
"""What is examined; a host on which there is nothing to examine of it has no finding."""


class Finding(NamedTuple):
    """What one check found.

    `id` is one of IDS, stable and searchable; `seen` has units; `hint` is a command to paste, empty
    where there is nothing to fix (for the engine that would serve: how to get the other).
    """

    id: str
    level: Level
    seen: str
    hint: str = ""


def untold(check: str, source: str) -> Finding:
    """The finding of a check whose `source` cannot be read here."""
    return Finding(
        check,
        "advice",
        f"unknown: {source} cannot be read here",
        "sudo resolverd doctor  # on the host itself, not in a container",
    )


def worst(findings: Iterable[Finding]) -> Level:
    """The worst level among `findings`; ok for none."""
    return max((finding.level for finding in findings), key=LEVELS.index, default="ok")


def octets(number: float) -> str:
    """``4.0 MiB``, ``212,992 octets``: sizes as people compare them."""
    for size, unit in ((1 << 30, "GiB"), (1 << 20, "MiB")):
        if number >= size:
            return f"{number / size:,.1f} {unit}"
    return f"{number:,.0f} octets"
