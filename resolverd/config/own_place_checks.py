"""Checks of what an operator says of networks himself: own places, and NAT64 prefixes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from resolverd.config.explain import did_you_mean
from resolverd.config.finding import Finding, Tree
from resolverd.config.model import Config
from resolverd.config.pin_checks import embedded_faults
from resolverd.dns.embedded_v4 import NETWORKS, extract_v4, formats_with
from resolverd.dns.prefix import Prefix, parse_prefix

_WELL_KNOWN, _WITHIN_A_NETWORK = parse_prefix("64:ff9b::/96"), parse_prefix("64:ff9b:1::/48")


def check_own_places(config: Config, tree: Tree) -> Iterator[Finding]:
    """Every finding about own places: two for one network, networks of nobody, unknown names."""
    yield from _shared(config)
    yield from _unknown(config, tree)
    formats = formats_with(config.server.nat64)
    pinned = {name for pin in config.pin.values() for name in pin.places}
    for name, place in config.place.items():
        for index, subnet in enumerate(place.subnets):
            for message, hint in embedded_faults(subnet, place.subnets, formats):
                path = ("place", name, "subnets", index)
                yield Finding(path, "config-place-embedded", message, hint)
        if place.coordinates is None and not place.country and name not in pinned:
            yield Finding(
                ("place", name), "config-place-unsaid",
                f'nothing is said of where "{name}" is, and no pin names it',
                'write coordinates = [50.1, 8.7] or country = "DE" here, or '
                f'places = ["{name}"] in a pin', "warning",
            )  # fmt: skip


def check_nat64(config: Config, tree: Tree) -> Iterator[Finding]:
    """Every finding about NAT64 prefixes: one in another would be two readings of an address."""
    prefixes = config.server.nat64
    for index, prefix in enumerate(prefixes):
        path = ("server", "nat64", index)
        for other in prefixes[:index]:
            if prefix.contains(other) or other.contains(prefix):
                yield Finding(
                    path, "config-nat64-overlap",
                    f"{prefix} and {other} share addresses, which embed an IPv4 address in one way",
                    "remove one of them",
                )  # fmt: skip
        for network in NETWORKS:
            if prefix == network and _contradicts(prefix, network):
                yield Finding(
                    path, "config-nat64-overlap",
                    f"{prefix} stands for IPv4 addresses already, and for no NAT64",
                    "remove it, or write a prefix of this network's own",
                )  # fmt: skip
            elif _contradicts(prefix, network):
                yield Finding(
                    path, "config-nat64-overlap",
                    f"{prefix} and {network} share addresses, whose IPv4 address stands where "
                    "the latter has it everywhere",
                    "write a prefix of this network's own, or one within 64:ff9b:1::/48",
                )  # fmt: skip


def _contradicts(prefix: Prefix, network: Prefix) -> bool:
    if prefix == _WELL_KNOWN or (network == _WITHIN_A_NETWORK and network.contains(prefix)):
        return False
    return prefix.contains(network) or network.contains(prefix)


def _shared(config: Config) -> Iterator[Finding]:
    formats = formats_with(config.server.nat64)
    claimed: dict[Prefix | int, str] = {}
    for name, place in config.place.items():
        claims: list[tuple[tuple[str | int, ...], str, Prefix | int]] = [
            (("place", name, "subnets", index), str(subnet), extract_v4(subnet, formats).prefix)
            for index, subnet in enumerate(place.subnets)
        ]
        claims += [
            (("place", name, "asn", index), f"AS{number}", number)
            for index, number in enumerate(place.asn)
        ]
        for path, written, claim in claims:
            if claim in claimed:
                yield Finding(
                    path, "config-place-overlap",
                    f'{written} is in the place "{claimed[claim]}" already',
                    "remove it here or there: a client has one place",
                )  # fmt: skip
            claimed.setdefault(claim, name)


def _unknown(config: Config, tree: Tree) -> Iterator[Finding]:
    written = tree.get("place", {})
    if not isinstance(written, Mapping):
        return  # said already, and whoever is named here may be in there
    for name, pin in config.pin.items():
        for index, place in enumerate(pin.places):
            if place not in written:
                yield Finding(
                    ("pin", name, "places", index), "config-unknown-place",
                    f'there is no place "{place}"', did_you_mean(place, list(written)),
                )  # fmt: skip
