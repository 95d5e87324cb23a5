"""Zones of an edit by which a hostname of the configuration would be steered; pure.

A hostname that the edit writes is the configuration's fault, which is refused then (`edits`). One
that is served already is that of the zones that answer it from now on, or no longer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

import dns.name

from resolverd.config.finding import Finding
from resolverd.config.model import Config
from resolverd.snapshot.host_checks import HostFinding, check_hostnames, hostnames
from resolverd.snapshot.own_names import OwnNames, Zones, zone_of


def to_keep(
    config: Config, zones: Zones, served_config: Config, served: Zones
) -> dict[dns.name.Name, list[Finding]]:
    """The zones that have to stay as they are served, or unserved, and what is found else."""
    known, found = hostnames(served_config), dict[dns.name.Name, list[Finding]]()
    kept = dict(zones)
    while errors := [
        each
        for each in check_hostnames(config, OwnNames(kept))
        if each.finding.severity == "error" and each.lead.names[0] in known
    ]:
        blamed = {o: [e.finding] for e in errors for o in _changed(e.lead.names, kept, served)}
        if not blamed:
            # By names that others of these lead on to.
            leads = (OwnNames(kept).lead(name).names for name in hostnames(config))
            names = chain.from_iterable(leads)
            blamed = {o: _findings(errors) for o in _changed(names, kept, served)}
        if not blamed:
            break
        for origin, findings in blamed.items():
            found.setdefault(origin, []).extend(findings)
            if origin in served:
                kept[origin] = served[origin]
            else:
                del kept[origin]
    return found


def _changed(names: Iterable[dns.name.Name], now: Zones, then: Zones) -> Iterator[dns.name.Name]:
    """The zones of these names, now and then, that are others now."""
    for name in names:
        for zone in (zone_of(now, name), zone_of(then, name)):
            if zone is not None and now.get(zone.origin) is not then.get(zone.origin):
                yield zone.origin


def _findings(errors: Iterable[HostFinding]) -> list[Finding]:
    return [each.finding for each in errors]
