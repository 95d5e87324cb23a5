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


def fleet(urls: Sequence[str] | None, missing: str | None) -> Finding:
    """Of `fleet.urls`, and why what speaks to them is `missing`; None where it is not.

    `urls` are None where a wrong configuration does not tell them.
    """
    if urls is None:
        seen = "unknown: what the configuration says of a fleet cannot be taken as it is written"
        return Finding("fleet", "advice", seen, "resolverd check  # and what it says first")
    if not urls:
        return Finding("fleet", "ok", "fleet.urls names no NATS server: this edge decides alone")
    if missing is None:
        return Finding("fleet", "ok", "fleet.urls is set, and nats-py can be loaded")
    seen = f"fleet.urls is set, and nats-py cannot be loaded: {missing}; resolverd would not start"
    return Finding("fleet", "fault", seen, install_command())
