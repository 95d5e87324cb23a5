"""A region that a client's block keeps although another would be given now, for people."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from resolverd.snapshot.model import CachedAnswer


@dataclass(frozen=True, slots=True)
class HeldRegion:
    """Since when and until when a block keeps its region, in Unix seconds.

    `now` is the region that would be given now, None where none would be, and `outcome` and
    `reasons` are those of that decision: a reason for each region consulted, the last of which is
    that of `now` unless more were asked in vain.
    """

    since: float
    until: float
    now: str | None
    outcome: str
    reasons: tuple[str, ...]

    @property
    def words(self) -> str:
        """The same in words, with times of the day as this host has them."""
        since, until = (time.strftime("%H:%M", time.localtime(t)) for t in (self.since, self.until))
        return f"since {since} until {until}; would be {self.now or 'none'} now ({self.outcome})"


def held_of(cached: CachedAnswer) -> HeldRegion | None:
    """What is kept in an answer; None where it is what would be decided now."""
    if cached.held is None:
        return None
    since, until, now = cached.held
    return HeldRegion(since, until, now.region, now.outcome, now.decision.reasons)


def held_from(document: dict[str, Any] | None) -> HeldRegion | None:
    """What the document of `explain` says of it."""
    if document is None:
        return None
    return HeldRegion(**{**document, "reasons": tuple(document["reasons"])})
