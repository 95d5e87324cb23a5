"""The TTLs given so far, in kept documents: how long resolvers may keep what names a region.

    {"chat": {"ttl": 60.0, "regions": ["eu-west", …],
              "lasting": [{"until": 1764321300.0, "regions": ["eu-west", …]}]}}

`ttl` is what was served when the document was written. `until`, in Unix time, is when answers of
what was served before have run out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from resolverd.kept.values import number, text
from resolverd.snapshot.ttl_ledger import Given, Lasting


def given_written(given: Mapping[str, Given], shift: float) -> dict[str, Any]:
    """The document's part, by service; `shift` makes Unix times of readings."""
    return {
        service: {
            "ttl": own.ttl,
            "regions": own.regions,
            "lasting": [
                {"until": until + shift, "regions": regions} for until, regions in own.lasting
            ],
        }
        for service, own in given.items()
    }


def given_read(record: Any, at: float, now: float, shift: float) -> dict[str, Given]:
    """What `given_written` wrote at the time `at`, read at `now`; both are readings.

    By a wall clock that was set back meanwhile nothing lives longer than it had to live then.
    Raises as `kept.values` does.
    """
    set_back = max(0.0, at - now)
    return {text(service): _read(own, shift - set_back) for service, own in record.items()}


def _read(record: Any, shift: float) -> Given:
    ttl = number(record["ttl"])
    if ttl < 0:
        raise ValueError("it is damaged: a TTL is below zero")
    lasting = (
        Lasting(number(own["until"]) + shift, _names(own["regions"])) for own in record["lasting"]
    )
    return Given(ttl, _names(record["regions"]), tuple(lasting))


def _names(record: Any) -> tuple[str, ...]:
    if not isinstance(record, list):
        raise ValueError("it is damaged: regions are no list")
    return tuple(map(text, record))
