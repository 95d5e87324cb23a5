"""What decides whether this edge's service addresses are announced; small, for each second."""

from __future__ import annotations

import time
from typing import Any

from resolverd.admin.liveness import faults
from resolverd.admin.served import Served
from resolverd.dns.names import to_text


async def fitness_of(served: Served) -> dict[str, Any]:
    """The keys of a FitnessDocument. Raises EngineError where a worker is gone."""
    plan = served.snapshot.plan
    behind = served.reloads.behind_since
    counted = await served.engine.counters()
    first = next(iter(plan.zones.values()), None)
    return {
        "faults": await faults(served),
        "isolation": served.monitor.isolation.reason or None,
        "plan_generation": plan.generation,
        "plan_behind_seconds": None if behind is None else round(time.monotonic() - behind, 3),
        "zone": None if first is None else to_text(first.apex),
        "queries": sum(counted.received.values()),
    }
