"""What is probed, and what is counted of it; plain values."""

from __future__ import annotations

import math
from dataclasses import dataclass

from resolverd.config.probe import Probe
from resolverd.config.targets import endpoint_and_probe
from resolverd.health.family import Family


@dataclass(frozen=True, slots=True)
class Target:
    """One endpoint to probe. `id` is unique among all; `region` and `endpoint` are names.

    `families` are those whose addresses clients are given, each of which is asked over where the
    URL's host has addresses of both.
    """

    id: str
    region: str
    endpoint: str
    url: str
    settings: Probe
    families: frozenset[Family] = frozenset()

    @property
    def labels(self) -> dict[str, str]:
        """Its region, endpoint and probe, as log events and metrics name them.

        `probe` is the service whose own settings probe it, and empty for the probe that services
        share.
        """
        _, probe = endpoint_and_probe(self.id)
        return {"region": self.region, "endpoint": self.endpoint, "probe": probe}


@dataclass(slots=True)
class Counters:
    """Running totals of one target; `latency` is the last probe's, in seconds.

    `latency_sum` is that of all the probes that came to an end.

    `probes` that came to an end, `failures` among them, and of those again the ones that were
    `superseded_failures`: a later probe had succeeded already. `superseded` ones were cancelled,
    as a later probe had had its outcome.
    """

    probes: int = 0
    failures: int = 0
    superseded_failures: int = 0
    superseded: int = 0
    latency: float = math.nan
    latency_sum: float = 0.0
