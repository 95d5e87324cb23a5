"""What one probe saw: plain values, so that the state machine needs to know no probe kind."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether the endpoint served, in a few words why, and how long the probe took.

    `reason` is what an operator reads: ``"HTTP 503"``, ``"connection refused"``. `latency`
    is in seconds, from the start of the probe to its verdict.
    """

    ok: bool
    reason: str
    latency: float = 0.0
