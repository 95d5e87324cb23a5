"""Round-trip times for the API: what this host measured itself."""

from __future__ import annotations

from typing import Any

from resolverd.admin.served import Served


def round_trips_of(served: Served) -> dict[str, Any]:
    """The way from this host to each region that a probe has reached."""
    known = served.round_trips
    return {
        "where": known.where,
        "regions": [
            {
                "region": region,
                "ms": round(time.ms, 3),
                "count": time.handshakes,
                "age_seconds": round(time.age, 3),
                "doubt": time.doubt or None,
            }
            for region, time in known.edge().items()
        ],
        "file": str(known.file.absolute()) if known.file else None,
    }
