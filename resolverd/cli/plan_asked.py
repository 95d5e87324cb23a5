"""What a plan that is shown was asked of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from resolverd.planner.make import Wishes


class Asked(NamedTuple):
    """A service, at an instant (Unix seconds); the calls of an agent; and all that was wished."""

    service: str
    at: float
    calls: int
    wishes: Wishes

    @property
    def moment(self) -> str:
        """The instant in UTC, to the minute, ISO 8601."""
        return datetime.fromtimestamp(self.at, UTC).strftime("%Y-%m-%dT%H:%MZ")

    @property
    def change(self) -> str:
        """The change that is tried, in words; empty for none."""
        what = [f"without {name}" for name in sorted(self.wishes.without)]
        what += [f"with {site.name} ({site.gpus.count} GPUs)" for site in self.wishes.added]
        return " and ".join(what)
