"""What else a compiled client map does: its size, its life over a reload, pins of each kind."""

from __future__ import annotations

import gc
import pickle
import weakref
from pathlib import Path
from typing import Any

import pytest
from small_worlds import (
    REGIONS,
    World,
    build,
    simple,
    v4,
)

from resolverd.abi.library import why_not
from resolverd.config.model import Config
from resolverd.config.targets import probe_targets
from resolverd.dns.embedded_v4 import extract_v4
from resolverd.dns.prefix import Prefix, parse_prefix
from resolverd.geo.locator import Locator
from resolverd.policy.fence import UNPLACED
from resolverd.snapshot.clientmap import LazyClientMap
from resolverd.snapshot.compile import compile_services
from resolverd.snapshot.maps import MapMaker, edge_of
from resolverd.snapshot.model import MapEntry, Plan
from resolverd.snapshot.own_places import own_places as places_of

pytestmark = pytest.mark.skipif(why_not() is not None, reason="the native library is not built")


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
