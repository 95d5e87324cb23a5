"""Which options a reload cannot adopt: of what was made once, such as sockets and processes."""

from __future__ import annotations

from collections.abc import Iterator

from resolverd.config.finding import Finding
from resolverd.config.model import Config

NEEDS_RESTART = "config-needs-restart"
"""The id of the finding."""

_SERVER = (
    "listen",
    "state",
    "engine",
    "workers",
    "tcp_idle",
    "tcp_lifetime",
    "tcp_connections",
    "tcp_per_client",
)
_ADMIN = ("socket", "listen", "token_file", "connections")
_FLEET = (
    "urls", "credentials", "ca_file", "client_certificate", "client_key", "name", "edge", "domain",
    "replicas", "configuration", "canary",
)  # fmt: skip


def needs_restart(before: Config, after: Config) -> list[str]:
    """The changed options that count after the next start only, as dotted keys."""
    tables = (("server", _SERVER), ("admin", _ADMIN), ("fleet", _FLEET))
    return [
        f"{table}.{option}"
        for table, options in tables
        for option in options
        if getattr(getattr(before, table), option) != getattr(getattr(after, table), option)
    ]


def check_waiting(options: list[str]) -> Iterator[Finding]:
    """A warning for each of the `options` that were changed since the start, and wait for the next.

    They are dotted keys.
    """
    for option in options:
        yield Finding(
            tuple(option.split(".")), NEEDS_RESTART,
            f"{option} was changed since the daemon started, and takes effect at its next start",
            "systemctl restart resolverd", "warning",
        )  # fmt: skip
