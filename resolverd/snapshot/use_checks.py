"""Services that no DYNA record of any zone stands for, and that so answer nobody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import cast

from resolverd.config.finding import Finding
from resolverd.config.model import Config
from resolverd.zone.dyna import DYNA, Dyna
from resolverd.zone.model import Zone


def check_use(config: Config, zones: Iterable[Zone]) -> Iterator[Finding]:
    """A warning for each such service."""
    used = {
        cast(Dyna, rdata).service
        for zone in zones
        for rrsets in zone.rrsets.values()
        if DYNA in rrsets
        for rdata in rrsets[DYNA].rdatas
    }
    for name in config.service:
        if name not in used:
            yield Finding(
                ("service", name), "config-service-unused",
                f"no zone has a DYNA of service {name}: it is probed, and no name answers with it",
                f"write a record such as: {name} 60 DYNA {name}", "warning",
            )  # fmt: skip
