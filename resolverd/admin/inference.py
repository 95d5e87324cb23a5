"""What probes know beyond a verdict, for the state: of all kinds, and what each kind exports.

What is unknown is None, and never zero.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from resolverd.admin.served import Served
from resolverd.health.kinds.kind import json_keys
from resolverd.health.peers import find_outliers
from resolverd.health.readings import Readings

Json = dict[str, Any]

_KEYS = json_keys()


def oddities(served: Served) -> dict[str, list[Json]]:
    """In what each target differs from its peers, where it does."""
    found: dict[str, list[Json]] = {}
    inputs, identities = served.inputs, served.monitor.identities()
    for odd in find_outliers(inputs.config, inputs.targets, identities):
        field, value, majority = odd.difference
        difference = {"service": odd.service, "field": field, "value": value, "majority": majority}
        found.setdefault(odd.target, []).append(difference)
    return found


def endpoint_readings(read: Readings | None) -> Json:
    """What is known of one endpoint's server; None where its kind of probe sees none."""
    known = read or Readings()
    load = known.load
    return {
        "identity": asdict(known.identity) if known.identity else None,
        "readings": {
            "running": load.running,
            "waiting": load.waiting,
            "kv_usage_ratio": load.kv_usage,
            "shedding": load.shedding,
            "lost_ratio": round(load.lost, 3),
        }
        if load
        else None,
        **{
            key.name: key.read(known) if isinstance(read, readings) else None
            for readings, key in _KEYS
        },
    }
