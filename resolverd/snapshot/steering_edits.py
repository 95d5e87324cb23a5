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
from resolverd.snapshot.own_names import OwnNames, Zones
from resolverd.zone.model import Zone, closest_zone


def zones_refused(
    config: Config, zones: Zones, served_config: Config, served: Zones
) -> tuple[Zones, dict[dns.name.Name, list[Finding]]]:
    """The zones, those of such edits as they are served or unserved, and what is found else."""
    known, found = frozenset[dns.name.Name](), dict[dns.name.Name, list[Finding]]()
    kept = dict(zones)
    while errors := _errors(config, kept):
        # Every hostname is parsed for it, so not while nothing is wrong.
        known = known or hostnames(served_config)
        errors = [each for each in errors if each.lead.names[0] in known]
        if not errors:
            break
        refused = {o: [e.finding] for e in errors for o in _changed(e.lead.names, kept, served)}
        if not refused:
            # By names that others of these lead on to.
            leads = (OwnNames(kept).lead(name).names for name in hostnames(config))
            names = chain.from_iterable(leads)
            refused = {o: _findings(errors) for o in _changed(names, kept, served)}
        if not refused:
            break
        for origin, findings in refused.items():
            edited = zones[origin] if origin in zones else served[origin]
            found.setdefault(origin, []).extend(_by_edit(each, edited) for each in findings)
            if origin in served:
                kept[origin] = served[origin]
            else:
                del kept[origin]
    return kept, found


def _errors(config: Config, zones: Zones) -> list[HostFinding]:
    found = check_hostnames(config, OwnNames(zones))
    return [each for each in found if each.finding.severity == "error"]


def _changed(names: Iterable[dns.name.Name], now: Zones, then: Zones) -> Iterator[dns.name.Name]:
    """The zones of these names, now and then, that are others now."""
    for name in names:
        for zone in (closest_zone(now, name), closest_zone(then, name)):
            if zone is not None and now.get(zone.origin) is not then.get(zone.origin):
                yield zone.origin


def _by_edit(finding: Finding, zone: Zone) -> Finding:
    """It is about the configuration, and what was edited is the zone."""
    file = zone.files[0]
    return finding._replace(
        message=f"{finding.message} (by the edit of {file})",
        hint=f"take the edit of {file} back, or {finding.hint}",
    )


def _findings(errors: Iterable[HostFinding]) -> list[Finding]:
    return [each.finding for each in errors]
