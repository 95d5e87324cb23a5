"""Whether a region is up to stay, from what its daemons measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# Probes of each endpoint that have to succeed in a row. More makes each region's step longer; fewer
# goes on with a server that is about to fail again.
REQUIRED_SUCCESSES = 3


@dataclass(slots=True)
class StabilityCheck:
    """Counts the probes of each endpoint that succeeded in a row since its first update.

    `reason` is what the last probe found amiss.
    """

    reason: str = "nothing was measured yet"
    _seen: dict[tuple[int, str], tuple[int, int]] = field(default_factory=dict)

    def stable(self, regions: Sequence[Mapping[str, Any]]) -> bool:
        """Whether every endpoint is up by each edge's measurement, and has been for a while.

        `regions` is the region in the state of each edge.
        """
        waiting = ""
        for edge, region in enumerate(regions):
            for endpoint in region["endpoints"]:
                waiting = self._unstable(edge, endpoint) or waiting
        self.reason = waiting or self.reason
        return not waiting

    def _unstable(self, edge: int, endpoint: Mapping[str, Any]) -> str:
        key = (edge, str(endpoint["name"]))
        now = int(endpoint["probes"]), int(endpoint["failures"])
        first = self._seen.get(key)
        if endpoint["measured"] != "up" or first is None or first[1] != now[1] or now[0] < first[0]:
            self._seen[key] = now
            return f"{endpoint['name']} is {endpoint['measured']}: {endpoint['reason']}"
        enough = now[0] - first[0] >= REQUIRED_SUCCESSES
        return "" if enough else f"{endpoint['name']} came up a moment ago"
