"""What is right by itself and hardly what was meant: TTLs that become 0, addresses that lead
nowhere or stand twice, a region that no service has, DNS and HTTP on one port, capacities in two
units.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence

from resolverd.config.bias import NO_BIAS
from resolverd.config.finding import Finding, Tree
from resolverd.config.model import Config
from resolverd.config.toml_values import toml_key
from resolverd.config.types import Listener
from resolverd.dns.hostnames import is_elsewhere

# RFC 1918, RFC 6598, RFC 4193: routed inside one network alone.
_PRIVATE = tuple(
    map(
        ipaddress.ip_network,
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"),
    )
)


def check_sense(config: Config, tree: Tree) -> Iterator[Finding]:
    """Findings about TTLs, addresses, unused regions, ports used twice, biases and capacities."""
    yield from _ttls(config)
    yield from _addresses(config)
    yield from _unused(config)
    yield from _ports(config)
    yield from _biases(config)
    yield from _capacities(config)


def _ttls(config: Config) -> Iterator[Finding]:
    """A TTL is sent in whole seconds (RFC 1035 §3.2.1)."""
    floor = config.server.ttl_floor
    for name, service in config.service.items():
        for key in ("ttl", "failover_ttl"):
            ttl, path = getattr(service, key), ("service", name, key)
            if 0 < ttl < 1:
                yield Finding(
                    path, "config-ttl-zero",
                    f"{key} is {ttl * 1000:g} ms, and a TTL is sent in whole seconds: as 0",
                    f'write {key} = "1s", or "0s" where nothing is to be cached',
                )  # fmt: skip
            elif ttl < floor:
                yield Finding(
                    path, "config-ttl-floor",
                    f"{key} is {ttl:g} s, under server.ttl_floor, which is {floor:g} s",
                    f'write {key} = "{floor:g}s", or lower server.ttl_floor', "warning",
                    because=(("server", "ttl_floor"),),
                )  # fmt: skip


def _addresses(config: Config) -> Iterator[Finding]:
    # Whoever listens on loopback alone answers this machine alone, and may hand that out.
    here = all(ipaddress.ip_address(at.address).is_loopback for at in config.server.listen)
    given: dict[str, str] = {}
    shared: set[tuple[str, str]] = set()
    for name, region in config.region.items():
        for index, endpoint in enumerate(region.endpoint):
            path = ("region", name, "endpoint", index, "address")
            if not here:
                yield from _nowhere(path, endpoint.address)
            for number, address in enumerate(endpoint.address):
                other = given.setdefault(address, name)
                if other != name and (other, name) not in shared:
                    shared.add((other, name))
                    yield Finding(
                        (*path, number), "config-address-shared",
                        f"{address} is region {other}'s too: a client is given it for either",
                        f"write the address that region {name} has", "warning",
                    )  # fmt: skip


def _nowhere(path: tuple[str | int, ...], addresses: Sequence[str]) -> Iterator[Finding]:
    """The first of an endpoint's addresses that leads nowhere, and the first private one."""
    nowhere = [number for number, text in enumerate(addresses) if not is_elsewhere(text)]
    private = [number for number, text in enumerate(addresses) if _is_private(text)]
    for number in nowhere[:1]:
        yield Finding(
            (*path, number), "config-address-nowhere",
            f"{addresses[number]} leads a client to itself or nowhere",
            'write one that clients reach, such as "192.0.2.10"', "warning",
        )  # fmt: skip
    for number in private[:1]:
        yield Finding(
            (*path, number), "config-address-private",
            f"{addresses[number]} is private: clients outside its network cannot reach it",
            'write a public one such as "192.0.2.10", unless all clients of this service are '
            "inside", "warning",
        )  # fmt: skip


def _is_private(text: str) -> bool:
    address = ipaddress.ip_address(text)
    return any(address in network for network in _PRIVATE if network.version == address.version)


def _unused(config: Config) -> Iterator[Finding]:
    lists = [service.regions for service in config.service.values()]
    used = {region for regions in lists for region in regions}
    # Where a list is wrong, that is said, and who is meant is not known.
    sound = used <= config.region.keys() and all(lists)
    sound = sound and all(len(set(regions)) == len(regions) for regions in lists)
    for name in config.region if lists and sound else ():
        if name not in used:
            yield Finding(
                ("region", name), "config-region-unused", f"no service has region {name}",
                f'add "{name}" to the regions of a service, or remove it', "warning",
            )  # fmt: skip


def _ports(config: Config) -> Iterator[Finding]:
    admin = config.admin.listen
    if admin is None or not admin.port:
        return
    for listener in config.server.listen:
        if listener.port == admin.port and _overlap(listener, admin):
            yield Finding(
                ("admin", "listen"), "config-admin-port",
                f"{admin} is where DNS is served over TCP ({listener})",
                f'write listen = "{admin._replace(port=9353)}" in [admin], or another port',
                because=(("server", "listen"),),
            )  # fmt: skip


def _overlap(one: Listener, other: Listener) -> bool:
    addresses = [ipaddress.ip_address(listener.address) for listener in (one, other)]
    if addresses[0].version != addresses[1].version:
        return False
    return addresses[0] == addresses[1] or any(address.is_unspecified for address in addresses)


def _biases(config: Config) -> Iterator[Finding]:
    """A bias moves clients only where regions are ordered by what the way to them costs."""
    for name, region in config.region.items():
        if region.bias == NO_BIAS:
            continue
        without = [
            (service, settings.policy)
            for service, settings in config.service.items()
            if name in settings.regions and settings.policy in {"failover", "weighted"}
        ]
        for service, policy in without[:1]:
            yield Finding(
                ("region", name, "bias"), "config-bias-unused",
                f"service {service} orders its regions by {policy}, where a bias moves nobody",
                f'write policy = "nearest" or "latency" in [service.{toml_key(service)}], or '
                "remove the bias",
                "warning", because=(("service", service, "policy"),),
            )  # fmt: skip


def _capacities(config: Config) -> Iterator[Finding]:
    """Regions of one service are compared by their capacities, which have to be in one unit."""
    said: set[tuple[str, ...]] = set()
    for name, service in config.service.items():
        regions = {r: config.region[r] for r in service.regions if r in config.region}
        written = [r for r, region in regions.items() if region.capacity]
        key = "capacity" if written else "gpus"
        those = written or [r for r, region in regions.items() if region.gpus]
        others = tuple(r for r in regions if r not in those)
        alike = len({region.effective_capacity for region in regions.values()}) < 2
        if alike or not those or not others or others in said:
            continue
        said.add(others)
        shown = [
            [f"{r}: {regions[r].effective_capacity:g}" for r in some] for some in (those, others)
        ]
        instead = (
            ", in the same unit, or remove it everywhere" if written else ", or capacity for all"
        )
        yield Finding(
            ("region", others[0]), "config-capacity-mixed",
            f"service {name} has regions with {key} ({_few(shown[0])}) and without "
            f"({_few(shown[1])}): what they can bear is compared by these numbers",
            f"write {key} for {_few(others)} too{instead}", "warning",
        )  # fmt: skip


def _few(names: Sequence[str]) -> str:
    more = [f"{len(names) - 3} more"] if len(names) > 3 else []
    return ", ".join([*names[:3], *more])
