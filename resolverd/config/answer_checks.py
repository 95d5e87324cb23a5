"""What regions hand out: no more addresses than an answer has room for, and the same families.

Where a region lacks a family that others of its service have, its clients are answered NODATA for
it. Some resolvers keep that for all their clients, whatever its scope, and so take the family away
from those of the other regions too.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping

from resolverd.config.finding import Finding, Tree
from resolverd.config.model import Config, Region
from resolverd.config.tiers import answering
from resolverd.dns.sizes import MAX_ADDRESSES

FAMILIES = {4: "IPv4", 6: "IPv6"}
EXAMPLES = {4: '"192.0.2.10"', 6: '"2001:db8::10"'}


def check_answers(config: Config, tree: Tree) -> Iterator[Finding]:
    """Every finding on what the regions of services hand out."""
    for name, region in config.region.items():
        yield from _count(name, region)
    families = {name: _had(region) for name, region in config.region.items()}
    for name, service in config.service.items():
        if service.answer == "address":
            every = answering(config, name)
            yield from _families(name, {r: families[r] for r in every if families.get(r)})


def _count(name: str, region: Region) -> Iterator[Finding]:
    addresses = [address for endpoint in region.endpoint for address in endpoint.address]
    for version, most in MAX_ADDRESSES.items():
        count = sum(ipaddress.ip_address(address).version == version for address in addresses)
        if count > most:
            yield Finding(
                ("region", name, "endpoint"), "config-many-addresses",
                f"region {name} has {count:,} {FAMILIES[version]} addresses; an answer has room "
                f"for {most:,}",
                "split it into several regions, or put a load balancer before its endpoints",
            )  # fmt: skip


def _families(service: str, had: Mapping[str, frozenset[int]]) -> Iterator[Finding]:
    """What is found of a service by the families that each of its regions has."""
    every = frozenset[int]().union(*had.values())
    lacking = [
        f"{name} has no {FAMILIES[version]}"
        for version in sorted(every)
        for name, families in had.items()
        if version not in families
    ]
    missing = {v for v in every for families in had.values() if v not in families}
    if lacking:
        yield Finding(
            ("service", service, "regions"), "config-families-differ",
            f"{', '.join(lacking)}: the NODATA for it may cost all clients of a resolver the "
            "addresses that other regions have",
            f"add an address of that family to each endpoint there, such as "
            f"{' and '.join(EXAMPLES[version] for version in sorted(missing))}", "warning",
        )  # fmt: skip


def _had(region: Region) -> frozenset[int]:
    """The families of its addresses; none where a look-up decides."""
    if not region.endpoint or any(endpoint.hostname for endpoint in region.endpoint):
        return frozenset()
    addresses = (address for endpoint in region.endpoint for address in endpoint.address)
    return frozenset(ipaddress.ip_address(address).version for address in addresses)
