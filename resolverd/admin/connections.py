"""The way to each endpoint, for the state: handshakes, certificates, families.

What is unknown is None, and never zero.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from resolverd.admin.times import moment
from resolverd.health.connection import Connection
from resolverd.health.family import Family, FamilyState
from resolverd.health.verdict import Verdict

Json = dict[str, Any]


def endpoint_connection(
    way: Connection,
    families: Mapping[Family, FamilyState],
    verdict: Verdict,
    certificate_days: float,
    now: float,
) -> Json:
    """One endpoint's, at `now` (monotonic seconds); of `families` None where it has but one."""
    return {
        "connect_seconds": None if way.connect is None else round(way.connect, 6),
        "certificate": _certificate(way, certificate_days),
        "families": {
            family.value: {
                "ok": known.ok,
                "reason": known.reason,
                "withheld": family in verdict.withheld,
                "held_until": moment(known.held_until if family in verdict.withheld else None, now),
            }
            for family, known in families.items()
        }
        or None,
    }


def _certificate(known: Connection, certificate_days: float) -> Json | None:
    days = known.days_left(time.time())
    if known.certificate_expires is None or days is None:
        return None
    expires = datetime.fromtimestamp(known.certificate_expires, UTC)
    return {
        "expires": expires.isoformat(timespec="seconds"),
        "days_left": round(days, 2),
        "ends_soon": days < certificate_days,
    }
