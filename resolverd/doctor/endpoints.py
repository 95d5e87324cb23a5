"""What the endpoints let a running daemon's probes know, from its state; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from resolverd.doctor.finding import Finding, Level
from resolverd.health.offers import READABLE, Offers, Processes

_HIDDEN = (
    "each probe costs a canary, and load is unknown: let /metrics through, or set metrics_url or "
    "workers of its [probe]"
)
_SEVERAL = (
    "only what one process shows is believed: give the servers' own URLs as workers of its [probe]"
)


def endpoints(state: Mapping[str, Any]) -> Iterator[Finding]:
    """A finding for each endpoint of kind vllm in the answer of ``GET /state``."""
    for region in state.get("regions", ()):
        for endpoint in region.get("endpoints", ()):
            if offers := endpoint.get("offers"):
                yield _finding(str(endpoint["name"]), _offers(offers))


def _offers(offers: Mapping[str, Any]) -> Offers:
    return Offers(**{**offers, "processes": Processes(offers["processes"])})


def _finding(name: str, offers: Offers) -> Finding:
    level, hint = _level(offers)
    return Finding("endpoint", level, f"{name}: {offers}", f"# {hint}" if hint else "")


def _level(offers: Offers) -> tuple[Level, str]:
    if offers.key == "refused":
        return "warning", "it does not accept the key: fix credential of its [probe]"
    if offers.metrics != READABLE:
        return "advice", _HIDDEN
    if offers.processes is not Processes.ONE:
        return "advice", _SEVERAL
    return "ok", ""
