"""Checks of pins: each client of a service is held by one of them, and each holds what it says.

Subnets are compared as they are looked up: an IPv6 network that stands for IPv4 clients is that
IPv4 network, whichever way it was written.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from resolverd.config.fences import holds_for
from resolverd.config.finding import Finding, Tree
from resolverd.config.groups import countries_of
from resolverd.config.model import Config, Pin
from resolverd.config.tiers import answering
from resolverd.config.toml_values import toml_key, toml_value
from resolverd.dns.embedded_v4 import extract_v4, formats_with
from resolverd.dns.limits import EmbeddedV4
from resolverd.dns.prefix import Prefix, parse_prefix

# What public resolvers send: RFC 7871 §11.1 advises /24 and /56 as the longest.
PUBLIC_V4, PUBLIC_V6 = 24, 56

_ALL_IPV4 = parse_prefix("0.0.0.0/0")

Formats = Sequence[EmbeddedV4]


# What pins name one by one beside subnets, and how that is shown.
_KINDS = {"places": 'place "{}"', "asn": "AS{}", "countries": "{}", "continents": "{}"}


class _Claim(NamedTuple):
    """What a pin holds for: at `path` of the configuration, as written and as looked up."""

    path: tuple[str | int, ...]
    written: str
    value: tuple[str, Any]


def check_pins(config: Config, tree: Tree) -> Iterator[Finding]:
    """Every finding about pins: overlaps, pins for nobody, networks nobody is looked up by."""
    formats = formats_with(config.server.nat64)
    yield from _overlaps(config, formats)
    for name, pin in config.pin.items():
        if not _claims(name, pin, formats):
            yield Finding(
                ("pin", name), "config-pin-empty", f'pin "{name}" holds for no client',
                'write countries = ["DE"], subnets = ["198.51.100.0/24"], continents = ["EU"], '
                'places = ["office"], asn = [64500], unplaced = true or default = true',
            )  # fmt: skip
        for index, subnet in enumerate(pin.subnets):
            path = ("pin", name, "subnets", index)
            for message, hint in embedded_faults(subnet, pin.subnets, formats):
                yield Finding(path, "config-pin-embedded", message, hint)
            yield from _narrow(path, subnet, formats)
        yield from _refusals(config, name, pin)
        yield from _bypasses(config, name, pin)


def _overlaps(config: Config, formats: Formats) -> Iterator[Finding]:
    """Two pins of one service that claim the same clients: which of them held would be chance."""
    claimed: dict[tuple[str, Any], list[str]] = {}
    told: set[tuple[Any, ...]] = set()  # once for each group, however many countries it shares
    for name, pin in config.pin.items():
        for claim in _claims(name, pin, formats):
            earlier = claimed.setdefault(claim.value, [])
            others = [other for other in earlier if _share_a_service(pin, config.pin[other])]
            if others and (claim.path, *others) not in told:
                told.add((claim.path, *others))
                yield Finding(
                    claim.path, "config-pin-overlap",
                    f"{claim.written} is pinned by {' and '.join(dict.fromkeys(others))} already",
                    "remove it here or there, or write services = [ … ] in both pins, with none "
                    "in common",
                )  # fmt: skip
            earlier.append(name)


def _claims(name: str, pin: Pin, formats: Formats) -> list[_Claim]:
    claims = []
    for index, subnet in enumerate(pin.subnets):
        looked_up = extract_v4(subnet, formats).prefix
        as_ipv4 = "" if looked_up == subnet else f" ({looked_up})"
        path = ("pin", name, "subnets", index)
        claims.append(_Claim(path, f"{subnet}{as_ipv4}", ("subnets", looked_up)))
    for kind, shown in _KINDS.items():
        for index, value in enumerate(getattr(pin, kind)):
            claims.append(_Claim(("pin", name, kind, index), shown.format(value), (kind, value)))
    shared: set[str] = set()
    for index, group in enumerate(pin.groups):
        path = ("pin", name, "groups", index)
        members = [code for code in countries_of([group]) if code not in shared]
        claims += [_Claim(path, f"{c} of group {group}", ("groups", c)) for c in members]
        shared.update(members)
    claims += [
        _Claim(("pin", name, kind), f"{kind} = true", (kind, True))
        for kind in ("unplaced", "default")
        if getattr(pin, kind)
    ]
    return claims


def _share_a_service(one: Pin, other: Pin) -> bool:
    return not one.services or not other.services or bool(set(one.services) & set(other.services))


def embedded_faults(
    subnet: Prefix, beside: Sequence[Prefix], formats: Formats
) -> Iterator[tuple[str, str]]:
    """What is wrong with a network that is not looked up as one network of IPv4, and a hint.

    Its clients are looked up as IPv4 clients, all of them or some. `beside` are those written with
    it.
    """
    if subnet.bits == 32 or extract_v4(subnet, formats).offset:
        return
    networks = [embedded.network for embedded in formats]
    around = [network for network in networks if network.contains(subnet)]
    inside = [network for network in networks if subnet.contains(network)]
    if around:
        yield (
            f"{subnet} lies in {around[0]}, whose clients are looked up by the IPv4 address inside "
            "theirs, and does not tell it: this would hold for nobody",
            'write the IPv4 network of these clients instead, such as "198.51.100.0/24"',
        )
    elif inside and not any(extract_v4(other, formats).prefix == _ALL_IPV4 for other in beside):
        listed = ", ".join(map(str, inside))
        yield (
            f"{subnet} has {listed} in it, whose clients are looked up by the IPv4 address inside "
            "theirs: it would not hold for them",
            'add "0.0.0.0/0" where all IPv4 clients are meant too, or write the IPv6 networks '
            f"beside: {_beside(subnet, inside)}",
        )


def _beside(network: Prefix, embedded: Sequence[Prefix]) -> str:
    """The largest networks that `network` without `embedded` is made of, a few of them by name."""
    pieces, waiting = [], [network]
    while waiting:
        piece = waiting.pop()
        if not any(piece.contains(c) or c.contains(piece) for c in embedded):
            pieces.append(piece)
        elif not any(network.contains(piece) for network in embedded):
            half = 1 << (piece.bits - piece.length - 1)
            waiting += [
                Prefix(piece.bits, piece.address | bit, piece.length + 1) for bit in (0, half)
            ]
    pieces.sort(key=lambda piece: (piece.length, piece.address))
    more = f" and {len(pieces) - 4} more" if len(pieces) > 4 else ""
    return ", ".join(f'"{piece}"' for piece in pieces[:4]) + more


def _narrow(path: tuple[str | int, ...], written: Prefix, formats: Formats) -> Iterator[Finding]:
    subnet = extract_v4(written, formats).prefix
    sent = PUBLIC_V4 if subnet.bits == 32 else PUBLIC_V6
    wide = subnet.widened(min(sent, subnet.length))
    networks = [embedded.network for embedded in formats]
    near = any(wide.contains(network) or network.contains(wide) for network in networks)
    if subnet.length > sent and not near:
        yield Finding(
            path, "config-pin-narrow",
            f"{written} is narrower than the /{sent} that public resolvers send: "
            "queries for the whole block get the intersection of its fences",
            f'write "{wide}" if you can', "warning",
        )  # fmt: skip


def _refusals(config: Config, name: str, pin: Pin) -> Iterator[Finding]:
    if not _are_known(pin.regions, config.region):
        return
    for service_name, service in config.service.items():
        every = answering(config, service_name)
        if not holds_for(pin, service_name) or not _are_known(every, config.region):
            continue
        if not set(pin.regions).intersection(every):
            yield Finding(
                ("pin", name, "regions"), "config-pin-refuses",
                f"service {service_name} is in none of these regions: "
                "pinned clients are given none (no_region)",
                f"write regions = {toml_value([*service.regions, *pin.regions[:1]])} in "
                f"[service.{toml_key(service_name)}], or here services = [ … ], those that the "
                "pin is for",
                "warning",
            )  # fmt: skip


def _are_known(names: Iterable[str], declared: Container[str]) -> bool:
    """Whether all are there. Of a misspelt one that is said; which is meant nobody knows."""
    return all(name in declared for name in names)


def _bypasses(config: Config, name: str, pin: Pin) -> Iterator[Finding]:
    """Regions that the pin keeps from its clients, and that another service gives them."""
    if not (_are_known(pin.regions, config.region) and _are_known(pin.services, config.service)):
        return
    kept = {
        region
        for service_name, service in config.service.items()
        if holds_for(pin, service_name)
        for region in service.regions
        if region not in pin.regions
    }
    giving = [
        service_name
        for service_name, service in config.service.items()
        if not holds_for(pin, service_name) and kept.intersection(service.regions)
    ]
    if giving:
        listed = ", ".join(giving)
        shared = sorted(kept.intersection(config.service[giving[0]].regions))
        yield Finding(
            ("pin", name, "services"), "config-pin-bypassed",
            f"not among them: {listed}; {giving[0]} gives everybody the addresses of "
            f"{', '.join(shared)}, which this pin keeps from its clients",
            f"write services = {toml_value([*pin.services, *giving])}, or give "
            f"{giving[0]} endpoints of its own", "warning",
        )  # fmt: skip
