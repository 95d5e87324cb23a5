"""What decides whether this edge's service addresses are announced; small, for each second."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from resolverd.admin.liveness import faults
from resolverd.admin.served import Served
from resolverd.dns.names import to_text
from resolverd.engine.counters import Counters
from resolverd.engine.interface import LateReplyError


async def fitness_of(served: Served) -> dict[str, Any]:
    """The keys of a FitnessDocument. Raises EngineError where a worker is gone."""
    plan = served.snapshot.plan
    behind = served.reloads.behind_since
    found, (counted, late) = await asyncio.gather(faults(served), _counted(served))
    first = next(iter(plan.zones.values()), None)
    return {
        "faults": found or late,
        "isolation": served.monitor.isolation.reason or None,
        "plan_generation": plan.generation,
        "plan_behind_seconds": None if behind is None else round(time.monotonic() - behind, 3),
        "zone": None if first is None else to_text(first.apex),
        "queries": sum(counted.received.values()),
    }


async def _counted(served: Served) -> tuple[Counters, list[str]]:
    """What was counted; a fault where it is old: a silent worker may well be asked still."""
    try:
        return await served.engine.counters(), []
    except LateReplyError as late:
        return late.counted, [str(late)]
