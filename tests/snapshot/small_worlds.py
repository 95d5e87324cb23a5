"""Worlds so small that every client of them can be tried: configurations with their databases.

All structure of the IPv4 world lies in its top six bits and that of the IPv6 world in the top
six bits below 2001:db8::/32, so that a universe of 128 blocks and the IPv4-embedded prefixes is all
there is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from mmdb_writer import Record, mmdb_bytes

from resolverd.config.model import Config
from resolverd.config.targets import probe_targets
from resolverd.dns.embedded_v4 import NETWORKS
from resolverd.dns.prefix import Prefix, parse_prefix
from resolverd.geo.countries import countries
from resolverd.geo.database import Database
from resolverd.geo.locator import Locator, Provenance
from resolverd.snapshot.clientmap import LazyClientMap
from resolverd.snapshot.compile import compile_services
from resolverd.snapshot.compiledmap import CompiledClientMap
from resolverd.snapshot.maps import MapMaker, edge_of
from resolverd.snapshot.own_places import own_places as places_of

BITS = 6
DEEP = 32  # bits above the IPv6 structure
V6_BASE = 0x2001_0DB8 << 96
CODES = ("IE", "DE", "US", "JP", "IN", "")
# "?": what only some parts are known of; "!": what only the country is sure of
PARTS = (*CODES, "EU", "EU?", "?", "US?", "US!", "DE!")
DOUBTED = ("US?", "US!", "DE!")
REGIONS = ("r1", "r2", "r3", "r4", "r5")
ASNS = (64500, 64501, 64502, 0)  # of the last no pin and no place tells
NAT64 = ("2001:db9::/32", "2001:dba:100::/40", "2001:dbb:122::/48", "2001:dbb:344:300::/56",
         "64:ff9b:1:344::/64", "64:ff9b:1:345::/96", "64:ff9b:1::/48")  # fmt: skip
EDGE = (50.0, 8.0)


@dataclass(frozen=True)
class World:
    """A configuration as written, and databases: (IP version, networks and their countries).

    `asns` are ASN databases, which are asked last: networks and their numbers.
    """

    raw: dict[str, Any]
    databases: tuple[tuple[int, dict[Prefix, str]], ...]
    asns: tuple[dict[Prefix, int], ...] = ()


def apart(networks: list[str]) -> bool:
    """Whether none of them lies in another, which no check lets pass."""
    parsed = [parse_prefix(network) for network in networks]
    return not any(a != b and a.contains(b) for a in parsed for b in parsed)


def v4(top: int, length: int) -> Prefix:
    return Prefix(32, top << (32 - BITS), 32).widened(length)


def v6(top: int, length: int) -> Prefix:
    return Prefix(128, V6_BASE | top << (128 - DEEP - BITS), 128).widened(DEEP + length)


tops, lengths = st.integers(0, 2**BITS - 1), st.integers(0, BITS)
v4_prefixes, v6_prefixes = st.builds(v4, tops, lengths), st.builds(v6, tops, lengths)
prefixes = st.one_of(v4_prefixes, v6_prefixes)
regions = st.lists(st.sampled_from(REGIONS), min_size=1, max_size=5, unique=True)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    free = draw(st.lists(prefixes, max_size=6, unique=True))
    codes = [*CODES[:-1]]
    pins: dict[str, Any] = {}
    for number in range(draw(st.integers(0, 4))):
        subnets = [str(free.pop()) for _ in range(draw(st.integers(0, 2))) if free]
        by_country = draw(st.booleans())
        pins[f"p{9 - number}"] = {
            "subnets": subnets,
            "countries": [codes.pop()] if by_country else [],
            "regions": draw(regions),
        }
    if draw(st.booleans()):
        pins["continental"] = {"continents": ["EU"], "regions": draw(regions)}
    for kind in ("unplaced", "default"):
        if draw(st.booleans()):
            pins[f"for-{kind}"] = {kind: True, "regions": draw(regions)}
    places = draw(own_places())
    asns = [*ASNS[:2]]
    for pin in pins.values():
        if draw(st.booleans()) and places:
            pin["places"] = [draw(st.sampled_from(sorted(places)))]
        if draw(st.booleans()) and asns:
            pin["asn"] = [asns.pop()]
    served = draw(regions)
    raw: dict[str, Any] = {
        "server": {
            "coordinates": list(EDGE),
            "country": draw(st.sampled_from(["", "DE", "JP"])),
            "nat64": draw(st.lists(st.sampled_from(NAT64), max_size=3, unique=True).filter(apart)),
        },
        "place": places,
        "region": {
            name: {
                "coordinates": [draw(st.integers(-80, 80)), draw(st.integers(-170, 170))],
                "country": draw(st.sampled_from(["", "US", "US", "US", "DE"])),
                "capacity": draw(st.sampled_from([0, 0.25, 1, 3])),
                "endpoint": [{"address": [f"192.0.2.{n}"], "url": "http://192.0.2.1"}],
            }
            for n, name in enumerate(REGIONS, 1)
        },
        "service": {
            "chat": {
                "regions": served,
                "policy": draw(st.sampled_from(["nearest", "nearest", "failover", "weighted"])),
                "weights": {name: draw(st.integers(0, 3)) for name in served},
                "block_v4": draw(st.sampled_from([8, 24])),
                "block_v6": draw(st.sampled_from([36, 48])),
            }
        },
        "pin": pins,
    }
    if not any(raw["service"]["chat"]["weights"].values()):
        del raw["service"]["chat"]["weights"]
    numbers = st.dictionaries(
        prefixes.filter(lambda p: p.length > 0), st.sampled_from(ASNS), min_size=1, max_size=6
    )
    return World(
        raw,
        tuple(draw(st.lists(databases(), max_size=3))),
        tuple(networks | {v4(0, BITS): 64502} for networks in draw(st.lists(numbers, max_size=2))),
    )


@st.composite
def own_places(draw: st.DrawFn) -> dict[str, Any]:
    """Up to four own places, with subnets and autonomous systems that no two of them share."""
    if draw(st.booleans()):
        return {}
    free, asns = draw(st.lists(prefixes, max_size=6, unique=True)), [*ASNS[:3]]
    places: dict[str, Any] = {}
    for number in range(draw(st.integers(1, 4))):
        subnets = [str(free.pop()) for _ in range(draw(st.integers(0, 2))) if free]
        numbers = [asns.pop()] if asns and (not subnets or draw(st.booleans())) else []
        place: dict[str, Any] = {"subnets": subnets, "asn": numbers}
        if draw(st.booleans()):
            place["coordinates"] = [draw(st.integers(-80, 80)), draw(st.integers(-170, 170))]
        if draw(st.booleans()):
            place["country"] = draw(st.sampled_from([*CODES[:-1], "BR"]))
        if subnets or numbers:
            places[f"own{number}"] = place
    return places


@st.composite
def databases(draw: st.DrawFn) -> tuple[int, dict[Prefix, str]]:
    version = draw(st.sampled_from([4, 6]))
    within = (v4_prefixes if version == 4 else prefixes).filter(lambda p: p.length > 0)
    networks = draw(st.dictionaries(within, st.sampled_from(PARTS), min_size=1, max_size=8))
    # A database without any place is refused, so one block is always placed.
    return version, networks | {v4(63, BITS): "JP"}


def record(code: str, network: Prefix) -> Record:
    spot = PARTS.index(code)
    if code in ("EU", "?"):  # a continent alone, a point alone
        point = {"latitude": 10.0 * spot, "longitude": -170.0 + network.length}
        return {"country_code": "EU"} if code == "EU" else {"country_code": "", **point}
    if code == "EU?":  # a continent, and a point that nobody is at
        return {"country_code": "EU", "latitude": 0.0, "longitude": "-0.0"}
    if code == "US?":
        return {"country_code": "US", "latitude": "0", "longitude": 0.0}
    if code.endswith("!"):
        point = {"latitude": 40.0 + network.length, "longitude": 10.0}
        return {"country_code": code[:2], **point, "accuracy_radius": 500 + network.length}
    if not code:
        return {"country_code": "", "accuracy": 3}
    return {
        "country_code": code,
        "latitude": countries()[code].latitude + network.length / 8,
        "longitude": countries()[code].longitude + spot / 4,
    }


def locator_of(world: World) -> Locator:
    opened = []
    for number, (version, networks) in enumerate(world.databases):
        content = mmdb_bytes(
            {str(network): record(code, network) for network, code in networks.items()},
            record_size=(24, 28, 32)[number],
            ip_version=6 if version == 6 else 4,
        )
        name = f"{number}.mmdb"
        opened.append((Provenance(Path(name), None), Database.of(content, name)))
    for number, numbers in enumerate(world.asns):
        content = mmdb_bytes(
            {str(network): {"autonomous_system_number": n} for network, n in numbers.items()},
            "GeoLite2-ASN",
            ip_version=6,
        )
        name = f"asn{number}.mmdb"
        opened.append((Provenance(Path(name), None), Database.of(content, name)))
    return Locator(opened)


def build(world: World) -> tuple[CompiledClientMap, LazyClientMap]:
    config, locator = Config.model_validate(world.raw), locator_of(world)
    own = places_of(config)
    made = [
        compile_services(
            config,
            probe_targets(config),
            MapMaker(locator, edge_of(config), compiled=compiled, own=own),
        )["chat"].clients
        for compiled in (True, False)
    ]
    compiled, lazy = made
    assert isinstance(compiled, CompiledClientMap)
    assert isinstance(lazy, LazyClientMap)
    return compiled, lazy


def blocks(prefix: Prefix) -> Iterator[Prefix]:
    """The universe's blocks inside `prefix`, each as one host."""
    for make in (v4, v6):
        for top in range(2**BITS):
            block = make(top, BITS)
            if prefix.contains(block):
                yield Prefix(block.bits, block.address | 0x0102, block.bits)


def translated(nat64: Prefix, address: int) -> Prefix:
    """How NAT64 writes the last 32 bits of an address (RFC 6052 §2.2), bit by bit."""
    bits = list(f"{nat64.address:0128b}")
    behind = [at for at in range(nat64.length, 128) if not 64 <= at < 72]
    for at, bit in zip(behind, f"{address & 0xFFFFFFFF:032b}", strict=False):
        bits[at] = bit
    return Prefix(128, int("".join(bits), 2), 128)


@st.composite
def asked_worlds(draw: st.DrawFn) -> tuple[World, Prefix]:
    """A world and a client prefix of any length, likely near one of its borders."""
    world = draw(worlds())
    near: list[Prefix] = [n for _, networks in world.databases for n in networks]
    near += [parse_prefix(s) for pin in world.raw["pin"].values() for s in pin.get("subnets", [])]
    near += NETWORKS
    near += [parse_prefix(network) for network in world.raw["server"]["nat64"]]
    near += [parse_prefix(s) for p in world.raw["place"].values() for s in p["subnets"]]
    near += [network for numbers in world.asns for network in numbers]
    start = draw(st.one_of(st.sampled_from(near), prefixes))
    low = draw(st.integers(0, 2 ** (start.bits - start.length) - 1))
    host = Prefix(start.bits, start.address | low, start.bits)
    if draw(st.booleans()) and start.bits == 32:
        network = draw(st.sampled_from([(0, 0), (0xFFFF << 32, 0), (0x2002 << 112, 80)]))
        host = Prefix(128, network[0] | host.address << network[1], 128)
        if own := world.raw["server"]["nat64"]:
            host = translated(parse_prefix(draw(st.sampled_from(own))), host.address >> network[1])
    return world, host.widened(draw(st.integers(0, host.bits)))


def simple(**service: Any) -> World:
    return World(
        {
            "server": {"coordinates": list(EDGE)},
            "region": {
                name: {
                    "coordinates": [10 * n, 20 * n],
                    "endpoint": [{"address": [f"192.0.2.{n}"], "url": "http://192.0.2.1"}],
                }
                for n, name in enumerate(REGIONS, 1)
            },
            "service": {"chat": {"regions": [*REGIONS], **service}},
            "pin": {"lawful": {"countries": ["DE"], "regions": ["r2"]}},
        },
        ((4, {v4(1, 6): "DE", v4(2, 6): "JP"}),),
    )
