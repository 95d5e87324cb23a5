"""What pins keep from whom: addresses, names, and the rules as a client is looked up by them."""

from __future__ import annotations

from resolverd.config.fences import fences
from resolverd.config.groups import countries_of, groups
from resolverd.config.model import Config
from resolverd.config.tiers import alias_of, answering, cores
from resolverd.dns.embedded_v4 import extract_v4, formats_with
from resolverd.dns.names import Key, key_from_text
from resolverd.dns.prefix import Prefix
from resolverd.policy.fence import UNPLACED, GeoPins, PinRule
from resolverd.zone.past_pins import Withheld, canonical


def withheld_by_pins(config: Config) -> Withheld:
    """The addresses and host names of regions that a pin keeps from its clients.

    The regions behind an edge service, which answer for it too, are held to its pins as its own.
    """
    addresses: dict[str, str] = {}
    names: dict[Key, str] = {}
    fenced: set[str] = set()
    out: dict[str, set[str]] = {}
    for fence in fences(config):
        for region in answering(config, fence.service):
            if len(fence.pins) == 1 and region not in fence.regions and region in config.region:
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
            for region in answering(config, service)
            if region not in out[service] and region in config.region
            for address in _addresses(config, region)
        ).difference(addresses)
        for service in fenced
    }
    for edge, core in cores(config).items():
        if core in fenced:
            fenced.add(alias_of(edge))
            safe[alias_of(edge)] = safe[core]
    formats = formats_with(config.server.nat64)
    return Withheld(addresses, names, frozenset(fenced), safe, formats)


def _addresses(config: Config, region: str) -> set[str]:
    formats = formats_with(config.server.nat64)
    return {canonical(a, formats) for e in config.region[region].endpoint for a in e.address}


def _hosts(config: Config, region: str) -> set[str]:
    settings = config.region[region]
    return {host for host in (settings.hostname, *(e.hostname for e in settings.endpoint)) if host}


def pin_rules(
    config: Config, service: str, over: str = ""
) -> tuple[list[tuple[Prefix, PinRule]], GeoPins]:
    """The pins of one service, as a client is looked up: by subnet (as extracted) and by place.

    They are those over its own regions, or over the regions of the service `over`.
    """
    subnets: list[tuple[Prefix, PinRule]] = []
    by_group: dict[str, PinRule] = {}
    countries: dict[str, PinRule] = {}
    continents: dict[str, PinRule] = {}
    places: dict[str, PinRule] = {}
    asns: dict[int, PinRule] = {}
    formats = formats_with(config.server.nat64)
    unplaced = default = None
    for name, pin in config.pin.items():
        if pin.services and service not in pin.services:
            continue
        rule = PinRule(name, frozenset(pin.regions), tuple(str(groups()[g]) for g in pin.groups))
        subnets += [(extract_v4(subnet, formats).prefix, rule) for subnet in pin.subnets]
        places |= dict.fromkeys(pin.places, rule)
        asns |= dict.fromkeys(pin.asn, rule)
        by_group |= dict.fromkeys(countries_of(pin.groups), rule)
        countries |= dict.fromkeys(pin.countries, rule)
        continents |= dict.fromkeys(pin.continents, rule)
        unplaced = rule if pin.unplaced else unplaced
        default = rule if pin.default else default
    countries = by_group | countries
    if (countries or continents) and unplaced is None:
        # Allows what the default allows, and has a name, so that such clients are counted.
        regions = default.regions if default else frozenset(config.service[over or service].regions)
        unplaced = PinRule(UNPLACED, regions)
    return subnets, GeoPins(countries, continents, unplaced, default, places, asns)
