"""The compiled client map against the lazy one, and both against counting on fingers.

All structure of the IPv4 world lies in its top six bits and that of the IPv6 world in the top
six bits below 2001:db8::/32, so that a universe of 128 blocks and the IPv4-embedded prefixes is all
there is, and an oracle can try every client.
"""

from __future__ import annotations

import gc
import math
import pickle
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from harness.trials import trials
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mmdb_writer import Record, mmdb_bytes

from resolverd.abi.library import why_not
from resolverd.config.model import Config
from resolverd.config.targets import probe_targets
from resolverd.dns.embedded_v4 import NETWORKS, extract_v4
from resolverd.dns.prefix import Prefix, parse_prefix
from resolverd.geo.countries import countries
from resolverd.geo.database import Database
from resolverd.geo.distance import great_circle_km
from resolverd.geo.locator import Locator, Provenance
from resolverd.policy.fence import UNPLACED
from resolverd.policy.ranking import mix_block, mix_word, region_seed
from resolverd.snapshot import clientmap
from resolverd.snapshot.clientmap import LazyClientMap
from resolverd.snapshot.compile import compile_services
from resolverd.snapshot.compiledmap import CompiledClientMap
from resolverd.snapshot.coverage import covered
from resolverd.snapshot.maps import MapMaker, edge_of
from resolverd.snapshot.model import MapEntry, Plan
from resolverd.snapshot.own_places import own_places as places_of

pytestmark = pytest.mark.skipif(why_not() is not None, reason="the native library is not built")

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


def by_hand(
    world: World, host: Prefix, block: int | None = None
) -> tuple[set[str], list[str] | None, str | None]:
    """One client's fence, its order (None where shares decide it), and its pin.

    Databases searched line by line, then pins, then distances.
    """
    code = continent = spot = None
    doubted = False
    for _, networks in world.databases:
        around = [network for network in networks if network.contains(host)]
        found = max(around, key=lambda network: network.length, default=None)
        if code is None and found is not None and networks[found]:
            own, own_continent, own_spot = parts(networks[found], found)
            code = own
            doubted = networks[found] in DOUBTED and spot is None
            continent, spot = continent or own_continent, spot or own_spot
    asn = 0
    for numbers in world.asns:
        around = [network for network in numbers if network.contains(host)]
        if around and not asn:
            asn = numbers[max(around, key=lambda network: network.length)]
    name, place = own_place_of(world, host, asn)
    if place.get("country"):
        abroad = code is not None and code != place["country"]
        home = countries()[place["country"]]
        spot = (None if abroad else spot) or (home.latitude, home.longitude)
        doubted = doubted and not abroad
        code, continent = home.code, home.continent
    if place.get("coordinates"):
        spot, doubted = tuple(place["coordinates"]), False
    if doubted and code == world.raw["server"].get("country"):
        doubted, spot = False, None
    spot = spot or EDGE
    pins = world.raw["pin"]
    subnets = [
        (parsed.length, name)
        for name, pin in pins.items()
        for subnet in pin.get("subnets", [])
        if (parsed := parse_prefix(subnet)).contains(host)
    ]
    rule = max(subnets)[1] if subnets else None
    for kind, known in (
        ("places", name), ("asn", asn), ("countries", code), ("continents", continent)
    ):  # fmt: skip
        held = [pin for pin in pins if known in pins[pin].get(kind, [])]
        if rule is None and held:
            rule = held[-1]  # of two that name one place, which no check lets pass
    geographic = any(pin.get("countries") or pin.get("continents") for pin in pins.values())
    if rule is None and code is None and "for-unplaced" in pins:
        rule = "for-unplaced"
    counted = rule is None and code is None and geographic
    if rule is None and "for-default" in pins:
        rule = "for-default"
    service = world.raw["service"]["chat"]
    served = [r for r in service["regions"] if rule is None or r in pins[rule]["regions"]]
    order: list[str] | None = served
    if service["policy"] == "nearest":
        where = world.raw["region"]
        order = sorted(served, key=lambda r: great_circle_km(spot, tuple(where[r]["coordinates"])))
        if doubted:
            mine = [r for r in served if where[r].get("country") == code]
            drawn = host if block is None else Prefix(32, block << 24, 32)
            order = [*drawn_by_hand(world, mine, drawn), *(r for r in order if r not in mine)]
    elif service["policy"] == "weighted":
        order = None
    return set(served), order, UNPLACED if counted else rule


def drawn_by_hand(world: World, own: list[str], host: Prefix) -> list[str]:
    """Regions of one country, by their draws for a client's block over their capacities."""
    block = host.widened(
        world.raw["service"]["chat"]["block_v4" if host.bits == 32 else "block_v6"]
    )

    def score(region: str) -> float:
        draw = mix_word(mix_block(block) ^ region_seed(region)) >> 11
        return -math.log((draw + 0.5) / 2**53) / (world.raw["region"][region]["capacity"] or 1)

    return sorted(own, key=score)


def is_drawn(world: World, host: Prefix) -> bool:
    """Whether another block of the client's network may have another order."""
    around = [code for _, known in world.databases for n, code in known.items() if n.contains(host)]
    if not {*around} & {*DOUBTED}:
        return False
    orders = {tuple(by_hand(world, host, block)[1] or ()) for block in range(64)}
    return len(orders) > 1


def own_place_of(world: World, host: Prefix, asn: int) -> tuple[str | None, dict[str, Any]]:
    """The name of a client's own place, None for none, and what is said of it."""
    places = world.raw.get("place", {})
    around = [
        (parse_prefix(subnet).length, name)
        for name, place in places.items()
        for subnet in place["subnets"]
        if parse_prefix(subnet).contains(host)
    ]
    if around:
        return max(around)[1], places[max(around)[1]]
    for name, place in places.items():
        if asn in place["asn"]:
            return name, place
    return None, {}


def parts(code: str, network: Prefix) -> tuple[str | None, str | None, tuple[float, float] | None]:
    """Country, continent and point that one record tells."""
    if code in ("EU", "EU?"):
        return None, "EU", None
    if code in DOUBTED:
        country = countries()[code[:2]]
        return country.code, country.continent, (country.latitude, country.longitude)
    written = record(code, network)
    spot = (float(written["latitude"]), float(written["longitude"]))  # type: ignore[arg-type]
    return (None, None, spot) if code == "?" else (code, countries()[code].continent, spot)


thoroughly = settings(
    max_examples=trials(25, 60), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@thoroughly
@given(worlds())
def test_every_client_of_a_world_gets_what_counting_on_fingers_gives(world: World) -> None:
    compiled, lazy = build(world)
    for base in (Prefix(32, 0, 0), Prefix(128, V6_BASE, DEEP)):
        for host in blocks(base):
            fence, order, rule = by_hand(world, host)
            entry = compiled.lookup(host)
            assert set(entry.preference) == fence
            assert order is None or [*entry.preference] == order
            assert entry.pins == ((rule,) if rule else ())
            known = lazy.lookup(host)
            assert (entry.preference, entry.pins) == (known.preference, known.pins)
            assert entry.scope <= known.scope


@thoroughly
@given(worlds())
def test_a_client_behind_nat64_gets_what_its_ipv4_address_gets(world: World) -> None:
    clients = build(world)
    for text in world.raw["server"]["nat64"]:
        network = parse_prefix(text)
        positions = [at for at in range(network.length, 128) if not 64 <= at < 72]
        for host in blocks(Prefix(32, 0, 0)):
            behind = translated(network, host.address)
            for each in clients:
                plain, found = each.lookup(host), each.lookup(behind)
                assert (found.preference, found.pins) == (plain.preference, plain.pins)
                scope = positions[plain.scope - 1] + 1 if plain.scope else network.length
                assert found.scope == scope
                block, own = each.block(host), each.block(behind)
                assert (own.prefix, own.scope) == (block.prefix, positions[block.scope - 1] + 1)


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


@settings(
    max_examples=trials(100, 300), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
@given(asked_worlds())
def test_every_prefix_gets_what_the_lazy_map_gives(asked: tuple[World, Prefix]) -> None:
    world, client = asked
    compiled, lazy = build(world)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clientmap, "STRADDLE_LIMIT", 10_000)
        known = lazy.lookup(client)
    entry = compiled.lookup(client)
    assert (entry.preference, entry.pins) == (known.preference, known.pins)
    assert entry.scope <= known.scope


@settings(
    max_examples=trials(100, 300), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
@given(asked_worlds(), st.integers(0, 2**128 - 1), st.integers(0, 128))
def test_every_address_inside_a_scope_gets_the_same_entry(
    asked: tuple[World, Prefix], other: int, longer: int
) -> None:
    world, client = asked
    compiled, _ = build(world)
    entry = compiled.lookup(client)
    if entry.scope > client.length:
        # Asking again with the scope settles it, and so it holds for what is asked then.
        client = Prefix(client.bits, client.address, entry.scope)
        entry = compiled.lookup(client)
        assert entry.scope <= client.length
    scope = client.widened(entry.scope)
    inside = Prefix(
        client.bits, scope.address | other & (2 ** (client.bits - scope.length) - 1), client.bits
    )
    assert compiled.lookup(inside) == entry
    shorter = inside.widened(max(scope.length, min(longer, client.bits)))
    networks = compiled.ranked.embedded
    if networks.boundary(networks.extract(shorter).prefix) is None:
        assert compiled.lookup(shorter) == entry


@thoroughly
@given(worlds())
def test_a_scope_is_the_shortest_in_which_all_clients_are_alike(world: World) -> None:
    compiled, _ = build(world)
    service = world.raw["service"]["chat"]
    for host in blocks(Prefix(32, 0, 0)):
        entry = compiled.lookup(host)
        fence, order, rule = by_hand(world, host)
        drawn = service["policy"] == "weighted" or is_drawn(world, host)
        block = service["block_v4"] if drawn else 0
        for length in range(BITS + 1):
            by_hand_entries = [by_hand(world, each) for each in blocks(host.widened(length))]
            if all(each == (fence, order, rule) for each in by_hand_entries):
                break
        else:
            pytest.fail("not even one block is alike in itself")
        assert entry.scope <= max(length, block)


@thoroughly
@given(worlds())
def test_the_share_that_a_pin_covers_is_that_of_all_clients_whom_the_databases_place(
    world: World,
) -> None:
    config, locator = Config.model_validate(world.raw), locator_of(world)
    _, lazy = build(world)
    counted: dict[str, list[int]] = {pin: [0, 0] for pin in (*world.raw["pin"], "")}
    for family, base in enumerate((Prefix(32, 0, 0), Prefix(128, V6_BASE, DEEP))):
        for host in blocks(base):
            place = locator.locate(host).place
            if place is not None and place.is_somewhere:
                [pin] = lazy.lookup(host).pins or [""]
                counted["" if pin == UNPLACED else pin][family] += 1
    whole = [sum(part) for part in zip(*counted.values(), strict=True)]
    for service, pin, *shares in covered(config, locator):
        assert service == "chat"
        for share, count, all_ in zip(shares, counted[pin], whole, strict=True):
            assert share is None if not all_ else share == pytest.approx(count / all_)


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


def test_it_tells_its_kind_and_its_size() -> None:
    compiled, lazy = build(simple())
    assert (compiled.kind, lazy.kind, lazy.size) == ("compiled", "lazy", None)
    assert compiled.size.leaves > 5
    assert compiled.size.lists >= 3
    assert compiled.size.octets > 1_000_000


def test_it_explains_itself_as_the_lazy_map_does() -> None:
    compiled, lazy = build(simple())
    for text in ("4.0.0.1/32", "8.0.0.1/32", "0.0.0.0/4", "2001:db8::/32", "::/0", "2002::/16"):
        traced, known = compiled.trace(parse_prefix(text)), lazy.trace(parse_prefix(text))
        assert traced._replace(entry=known.entry) == known
        assert traced.entry._replace(scope=known.entry.scope) == known.entry


def test_another_process_gets_the_lazy_map_of_the_same_geography() -> None:
    compiled, _ = build(simple(policy="weighted"))
    revived = pickle.loads(pickle.dumps(compiled))
    assert isinstance(revived, LazyClientMap)
    for text in ("4.0.0.1/32", "8.0.0.1/32", "200.0.0.1/32", "2001:db8::/64"):
        client = parse_prefix(text)
        assert revived.lookup(client).preference == compiled.lookup(client).preference


def test_a_region_prefers_itself_in_both_maps() -> None:
    compiled, lazy = build(simple())
    for region in REGIONS:
        assert compiled.from_region(region) == lazy.from_region(region)
        assert compiled.from_region(region)[0][0] == region


def services_of(world: World, locator: Locator, previous: Plan | None = None) -> Any:
    config = Config.model_validate(world.raw)
    maker = MapMaker(locator, edge_of(config), compiled=True, previous=previous)
    return compile_services(config, probe_targets(config), maker)


def test_an_unchanged_geography_keeps_its_map_over_a_reload() -> None:
    world, locator = simple(), Locator.embedded()
    before = services_of(world, locator)
    plan = Plan(1, {}, before, b"", 1232)
    assert services_of(world, locator, plan)["chat"].clients is before["chat"].clients
    pinned = simple()
    pinned.raw["pin"]["lawful"]["regions"] = ["r3"]
    for changed in (simple(policy="failover"), pinned):
        assert services_of(changed, locator, plan)["chat"].clients is not before["chat"].clients
    other = Locator.embedded()
    assert services_of(world, other, plan)["chat"].clients is not before["chat"].clients


def test_a_map_that_nobody_holds_gives_its_memory_back_at_once() -> None:
    compiled, _ = build(simple())
    compiled.lookup(parse_prefix("4.0.0.1/32"))
    gone = weakref.ref(compiled)
    gc.disable()
    try:
        del compiled
        assert gone() is None
    finally:
        gc.enable()


def test_a_fold_counts_in_the_scope() -> None:
    compiled, _ = build(simple())
    plain = compiled.lookup(parse_prefix("4.0.0.1/32"))
    embedded = compiled.lookup(v4_mapped("4.0.0.1"))
    assert embedded == MapEntry(plain.preference, plain.scope + 96, plain.pins)


def v4_mapped(address: str) -> Prefix:
    mapped = parse_prefix(f"::ffff:{address}/128")
    assert extract_v4(mapped).offset == 96
    return mapped


def test_a_prefix_that_may_be_any_ipv4_client_has_the_rules_of_ipv4_alone() -> None:
    world = simple()
    world.raw["pin"] = {
        "shadowed": {"subnets": ["10.0.0.0/8"], "regions": ["r1"]},
        "low": {"subnets": ["10.0.0.0/9"], "regions": ["r2", "r3"]},
        "high": {"subnets": ["10.128.0.0/9"], "regions": ["r2", "r4"]},
        "six": {"subnets": ["2001:db8::/32"], "regions": ["r5"]},
    }
    for clients in build(world):
        for text in ("2002::/16", "2001::/32", "2001:0:1:2::/64", "::/96", "64:ff9b::/96"):
            entry = clients.lookup(parse_prefix(text))
            assert (entry.preference, entry.pins) == (("r2",), ("high", "low")), text
        for text in ("::/0", "2000::/3", "2001::/20"):
            entry = clients.lookup(parse_prefix(text))
            assert (entry.preference, entry.pins) == ((), ("high", "low", "six")), text


CORPUS = Path(__file__).parent.parent / "geo" / "mmdb-test"


def made_of(world: World, *names: str) -> list[Any]:
    """The compiled and the lazy map of a world over MaxMind's own databases."""
    config = Config.model_validate(world.raw)
    locator = Locator.open([CORPUS / f"{name}.mmdb" for name in names])
    own = places_of(config)
    makers = [
        MapMaker(locator, edge_of(config), compiled=compiled, own=own) for compiled in (True, False)
    ]
    return [compile_services(config, probe_targets(config), m)["chat"].clients for m in makers]


@pytest.mark.parametrize("names", [("GeoLite2-City-Test", "GeoLite2-ASN-Test"),
                                   ("GeoLite2-ASN-Test", "GeoLite2-City-Test"),
                                   ("GeoIP2-ISP-Test", "GeoLite2-Country-Test")])  # fmt: skip
def test_pins_and_places_by_autonomous_system_hold_in_a_database_of_these(
    names: tuple[str, ...],
) -> None:
    world = simple()
    world.raw["pin"]["telstra"] = {"asn": [1221], "regions": ["r3"]}
    world.raw["place"] = {"carrier": {"asn": [7018], "coordinates": [50, 100], "country": "DE"}}
    for clients in made_of(world, *names):
        for text, pins, first in (
            ("1.128.0.0/24", ("telstra",), "r3"),
            ("12.81.92.0/24", ("lawful",), "r2"),  # the place says that it is in Germany
            ("203.0.113.0/24", (UNPLACED,), None),
            ("81.2.69.160/32", (), None),
        ):
            entry = clients.lookup(parse_prefix(text))
            assert entry.pins == pins, text
            assert first is None or entry.preference[0] == first


def test_a_map_that_needs_no_autonomous_systems_does_not_grow_by_a_database_of_them() -> None:
    world = simple()
    lone, lazy = made_of(world, "GeoLite2-City-Test")
    beside, lazy_beside = made_of(world, "GeoLite2-City-Test", "GeoLite2-ASN-Test")
    assert (beside.size.leaves, beside.size.lists) == (lone.size.leaves, lone.size.lists)
    client = parse_prefix("1.128.0.0/24")
    assert lazy_beside.lookup(client) == lazy.lookup(client)


@pytest.mark.parametrize(
    ("code", "pins"),
    [("EU", ("european",)), ("EU?", ("european",)), ("?", (UNPLACED,)), ("JP", ())],
)
def test_no_unknown_part_of_a_place_lifts_a_pin(code: str, pins: tuple[str, ...]) -> None:
    world = World(simple().raw, ((4, {v4(1, 6): code, v4(2, 6): "JP"}),))
    world.raw["pin"] = {"european": {"continents": ["EU"], "regions": ["r2"]}}
    for clients in build(world):
        entry = clients.lookup(parse_prefix("4.0.0.1/32"))
        assert entry.pins == pins
        assert (set(entry.preference) == {"r2"}) == (pins == ("european",))
