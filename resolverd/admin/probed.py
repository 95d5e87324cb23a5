"""What probes know of all targets at one moment, for the state: each table is read once.

A table is by probe target id; a target of which a table knows nothing is not in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from resolverd.health.connection import Connection
from resolverd.health.family import Family, FamilyState
from resolverd.health.monitor import Monitor
from resolverd.health.readings import Readings
from resolverd.health.target import Counters


class Probed(NamedTuple):
    """The tables."""

    counters: Mapping[str, Counters]
    connections: Mapping[str, Connection]
    families: Mapping[str, Mapping[Family, FamilyState]]
    readings: Mapping[str, Readings]

    @classmethod
    def of(cls, monitor: Monitor) -> Probed:
        """What `monitor` knows now."""
        return cls(
            monitor.counters(),
            monitor.connections(),
            monitor.families(),
            monitor.readings(),
        )
