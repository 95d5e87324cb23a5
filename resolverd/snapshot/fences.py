"""The fences of a configuration as an operator counts them, and what pins keep from whom."""

from __future__ import annotations

from typing import NamedTuple

from resolverd.config.model import Config
from resolverd.dns.embedded_v4 import extract_v4
from resolverd.dns.names import Key, key_from_text
from resolverd.dns.prefix import Prefix
from resolverd.policy.fence import UNPLACED, GeoPins, PinRule
from resolverd.zone.past_pins import Kept, canonical


class FenceSize(NamedTuple):
    """The regions of one service that the clients of one pin may have; `pin` is "" for all others.

    The last of them answers while `may_fail` of them are down.
    """

    service: str
    pin: str
    regions: tuple[str, ...]
    may_fail: int


def fences(config: Config) -> list[FenceSize]:
    """Every fence: by service that of unpinned clients first, then those of its pins."""
    found = []
    for service, settings in config.service.items():
        held = {
            name: frozenset(pin.regions)
            for name, pin in config.pin.items()
            if not pin.services or service in pin.services
        }
        for name, allowed in {"": frozenset(settings.regions), **held}.items():
            regions = tuple(region for region in settings.regions if region in allowed)
            found.append(FenceSize(service, name, regions, max(0, len(regions) - 1)))
    return found


def describe(fence: FenceSize) -> str:
    """One line for people."""
    whose = f"{fence.service}, {f'pin {fence.pin}' if fence.pin else 'no pin'}"
    match len(fence.regions):
        case 0:
            return f"{whose}: no region: these clients get no address"
        case 1:
            return f"{whose}: one region ({fence.regions[0]}): no failover within this fence"
        case count:
            return f"{whose}: {fence.may_fail} of {count} regions may fail"


def kept_from_some(config: Config) -> Kept:
    """The addresses and host names of regions that a pin keeps from its clients."""
    addresses: dict[str, str] = {}
    names: dict[Key, str] = {}
    fenced: set[str] = set()
    out: dict[str, set[str]] = {}
    for fence in fences(config):
        for region in config.service[fence.service].regions:
            if fence.pin and region not in fence.regions and region in config.region:
                fenced.add(fence.service)
                out.setdefault(fence.service, set()).add(region)
                whose = f"{region}'s, which pin {fence.pin} keeps from its clients"
                for address in _addresses(config, region):
                    addresses.setdefault(address, whose)
                for host in _hosts(config, region):
                    names.setdefault(key_from_text(host), whose)
    safe = {
        service: frozenset(
            address
            for region in config.service[service].regions
            if region not in out[service] and region in config.region
            for address in _addresses(config, region)
        ).difference(addresses)
        for service in fenced
    }
    return Kept(addresses, names, frozenset(fenced), safe)


def _addresses(config: Config, region: str) -> set[str]:
    return {canonical(a) for e in config.region[region].endpoint for a in e.address}


def _hosts(config: Config, region: str) -> set[str]:
    settings = config.region[region]
    return {host for host in (settings.hostname, *(e.hostname for e in settings.endpoint)) if host}


def pin_rules(config: Config, service: str) -> tuple[list[tuple[Prefix, PinRule]], GeoPins]:
    """The pins of one service, as a client is looked up: by subnet (as extracted) and by place."""
    subnets: list[tuple[Prefix, PinRule]] = []
    countries: dict[str, PinRule] = {}
    continents: dict[str, PinRule] = {}
    unplaced = default = None
    for name, pin in config.pin.items():
        if pin.services and service not in pin.services:
            continue
        rule = PinRule(name, frozenset(pin.regions))
        subnets += [(extract_v4(subnet).prefix, rule) for subnet in pin.subnets]
        countries |= dict.fromkeys(pin.countries, rule)
        continents |= dict.fromkeys(pin.continents, rule)
        unplaced = rule if pin.unplaced else unplaced
        default = rule if pin.default else default
    if (countries or continents) and unplaced is None:
        # Allows what the default allows, and has a name, so that such clients are counted.
        regions = default.regions if default else frozenset(config.service[service].regions)
        unplaced = PinRule(UNPLACED, regions)
    return subnets, GeoPins(countries, continents, unplaced, default)
