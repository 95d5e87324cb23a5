"""The TTLs given so far, in kept documents: how long resolvers may keep what names a region.

    {"chat": {"eu-west": {"ttl": 60.0, "until": 1764321300.0}}}

`ttl` is what was served when the document was written; `until`, in Unix time, when answers of what
was served before have run out, null where there are none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from resolverd.kept.values import number, text
from resolverd.snapshot.ttl_ledger import Given, Named


def given_written(given: Mapping[Named, Given], shift: float) -> dict[str, Any]:
    """The document's part, by service and region; `shift` makes Unix times of readings."""
    written: dict[str, Any] = {}
    for (service, region), own in given.items():
        until = None if math.isinf(own.until) else own.until + shift
        written.setdefault(service, {})[region] = {"ttl": own.ttl, "until": until}
    return written


def given_read(record: Any, at: float, now: float, shift: float) -> dict[Named, Given]:
    """What `given_written` wrote at the time `at`, read at `now`; both are readings.

    By a wall clock that was set back meanwhile nothing lives longer than it had to live then.
    Raises as `kept.values` does.
    """
    return {
        (text(service), text(region)): _read(own, at, now, shift)
        for service, regions in record.items()
        for region, own in regions.items()
    }


def _read(record: Any, at: float, now: float, shift: float) -> Given:
    ttl = number(record["ttl"])
    if ttl < 0:
        raise ValueError("it is damaged: a TTL is below zero")
    if record["until"] is None:
        return Given(ttl)
    until = number(record["until"]) + shift
    return Given(ttl, until - max(0.0, at - now))
