"""The way to each endpoint, for the state: handshakes, certificates, families.

What is unknown is None, and never zero.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from resolverd.health.connection import Connection
from resolverd.health.family import Family, FamilyResult
from resolverd.health.verdict import Verdict

Json = dict[str, Any]


def endpoint_connection(
    known: Connection,
    results: Mapping[Family, FamilyResult],
    verdict: Verdict,
    certificate_days: float,
) -> Json:
    """One endpoint's; `families` is None where `results` are empty: it is asked over one alone."""
    return {
        "connect_seconds": None if known.connect is None else round(known.connect, 6),
        "certificate": _certificate(known, certificate_days),
        "families": {
            family.value: {
                "ok": result.ok,
                "reason": result.reason,
                "withheld": family in verdict.withheld,
            }
            for family, result in results.items()
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
