"""All metrics that are declared, in the order of the page."""

from __future__ import annotations

from types import ModuleType

from resolverd.admin.metrics import (
    anycast,
    endpoints,
    files,
    fleet,
    generations,
    inference,
    load,
    other_edges,
    overrides,
    probes,
    process,
    regions,
    rtt,
    spill_rules,
    traffic,
)
from resolverd.admin.metrics.family import Family
from resolverd.admin.metrics.inference import of_kind
from resolverd.health.kinds.kind import metrics

_SUBJECTS = (
    traffic, regions, endpoints, probes, rtt, inference, load, overrides, spill_rules, fleet,
    other_edges, generations, files, process,
)  # fmt: skip


def declared(module: ModuleType) -> tuple[Family, ...]:
    """The families that a module declares, from its top to its end."""
    return tuple(value for value in vars(module).values() if isinstance(value, Family))


FAMILIES = (
    *(family for module in _SUBJECTS for family in declared(module)),
    *(of_kind(readings, metric) for readings, metric in metrics()),
)
"""Those of a daemon."""

ANYCAST = declared(anycast)
"""Those of the process that announces service addresses, on its own page."""

EVERY = (*FAMILIES, *ANYCAST)
