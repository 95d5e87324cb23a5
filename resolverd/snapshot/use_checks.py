"""How zones use the services: none stands unused, and TTLs can fall where a region is in trouble.

A DYNA's TTL is the ceiling of its answers', `failover_ttl` what they fall to.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import cast

from resolverd.config.finding import Finding
from resolverd.config.model import Config
from resolverd.config.tiers import service_of
from resolverd.dns.names import Key, key_of, to_text
from resolverd.zone.dyna import DYNA, Dyna
from resolverd.zone.model import RRsets, Zone
from resolverd.zone.nested import answers_for

_NOTHING: RRsets = {}


def check_use(config: Config, zones: Collection[Zone]) -> Iterator[Finding]:
    """A warning for each service that is not used, or whose TTL cannot fall at some name.

    A name that is never answered, below a zone cut or in another of the zones, uses none.
    """
    least = _least_ttls(config, zones)
    behind = {service.core for service in config.service.values() if service.core_fallback}
    for name, service in config.service.items():
        if name not in least and name not in behind:
            yield Finding(
                ("service", name), "config-service-unused",
                f"no zone has a DYNA of service {name}: it is probed, and no name answers with it",
                f"write a record such as: {name} 60 DYNA {name}", "warning",
            )  # fmt: skip
        elif name in least and 0 < least[name][0] < service.failover_ttl:
            ttl, owner = least[name][0], to_text(least[name][1])
            yield Finding(
                ("service", name, "failover_ttl"), "config-failover-ttl-ceiling",
                f"{owner} has the TTL {ttl} s, under failover_ttl, which is "
                f"{service.failover_ttl:g} s: it does not fall when a region is in trouble",
                f'write failover_ttl = "{max(1, ttl // 2)}s", or a larger TTL at {owner}',
                "warning",
            )  # fmt: skip


def _least_ttls(config: Config, zones: Collection[Zone]) -> dict[str, tuple[int, Key]]:
    """The least TTL, in seconds, of the DYNAs of each service, and the owner that has it."""
    least: dict[str, tuple[int, Key]] = {}
    origins = {key_of(zone.origin) for zone in zones}
    for zone in zones:
        # Of a large zone, which keeps them, not each name is looked at.
        owners = zone.rrsets.keys() if zone.reading is None else zone.reading.steered
        for owner in owners:
            rrset = zone.rrsets.get(owner, _NOTHING).get(DYNA)
            if rrset is not None and answers_for(zone, owner, origins):
                for rdata in rrset.rdatas:
                    service = service_of(cast(Dyna, rdata).service, config)
                    found = rrset.ttl, owner
                    least[service] = min(least.get(service, found), found)
    return least
