"""Whether an edge of a fleet has what it speaks to NATS with."""

from __future__ import annotations

from collections.abc import Sequence

from resolverd.doctor.finding import Finding
from resolverd.fleet.installed import NatsMissingError, install_command, need_nats


def library_missing() -> str | None:
    """Why a fleet cannot be spoken to from here; None where it can be."""
    try:
        need_nats()
    except NatsMissingError as error:
        return str(error.__cause__)
    return None


def fleet(urls: Sequence[str], missing: str | None) -> Finding:
    """Of `fleet.urls`, and why what speaks to them is `missing`; None where it is not."""
    if not urls:
        return Finding("fleet", "ok", "fleet.urls names no NATS server: this edge decides alone")
    if missing is None:
        return Finding("fleet", "ok", "fleet.urls is set, and nats-py can be loaded")
    seen = f"fleet.urls is set, and nats-py cannot be loaded: {missing}; resolverd would not start"
    return Finding("fleet", "fault", seen, install_command())
