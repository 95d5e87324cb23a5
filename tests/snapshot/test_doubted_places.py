"""Clients of whom only the country is sure: whom they are given, in both maps."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from mmdb_writer import Record, mmdb_bytes

from resolverd.abi.library import why_not
from resolverd.config.model import Config
from resolverd.config.targets import probe_targets
from resolverd.dns.prefix import Prefix, parse_prefix
from resolverd.geo.database import Database
from resolverd.geo.locator import Locator, Provenance
from resolverd.policy.ranking import PreferenceList
from resolverd.snapshot.clientmap import LazyClientMap
from resolverd.snapshot.compile import compile_services
from resolverd.snapshot.compiledmap import CompiledClientMap
from resolverd.snapshot.maps import MapMaker, edge_of

KINDS = [
    pytest.param(False, id="lazy"),
    pytest.param(
        True,
        id="compiled",
        marks=pytest.mark.skipif(why_not() is not None, reason="the native library is not built"),
    ),
]

KANSAS: Record = {
    "country": {"iso_code": "US"},
    "location": {"latitude": 37.751, "longitude": -97.822, "accuracy_radius": 1000},
}
ANYCAST: Record = {
    "country": {"iso_code": "US"},
    "location": {"latitude": 40.7, "longitude": -74.0, "accuracy_radius": 5},
    "traits": {"is_anycast": True},
}
NEW_YORK: Record = {
    "country": {"iso_code": "US"},
    "location": {"latitude": 40.7, "longitude": -74.0, "accuracy_radius": 5},
}
IRELAND: Record = {
    "country": {"iso_code": "IE"},
    "location": {"latitude": 53.0, "longitude": -8.0, "accuracy_radius": 500},
}
NETWORKS: dict[str, Record] = {
    "16.0.0.0/12": KANSAS,
    "17.0.0.0/16": ANYCAST,
    "18.0.0.0/16": NEW_YORK,
    "19.0.0.0/16": IRELAND,
    "20.0.0.0/16": {"registered_country": {"iso_code": "US"}},
    "2001:db8::/32": KANSAS,
}

REGIONS: dict[str, dict[str, Any]] = {
    "eu-west": {"coordinates": [53.3, -6.3], "country": "IE"},
    "us-west": {"coordinates": [37.3, -121.9], "country": "US", "capacity": 3},
    "us-east": {"coordinates": [38.9, -77.0], "country": "US", "capacity": 1},
    "toronto": {"coordinates": [43.7, -79.4]},
}


def clients(
    compiled: bool, *, policy: str = "nearest", edge_country: str = "", **pins: Any
) -> LazyClientMap | CompiledClientMap:
    """A client map over `NETWORKS`, of an edge in Dublin."""
    regions = {
        name: region | {"endpoint": [{"address": [f"192.0.2.{n}"], "url": "http://192.0.2.1"}]}
        for n, (name, region) in enumerate(REGIONS.items(), 1)
    }
    config = Config.model_validate(
        {
            "server": {"coordinates": [53.3, -6.3], "country": edge_country},
            "region": regions,
            "service": {"chat": {"regions": [*regions], "policy": policy}},
            "pin": pins,
        }
    )
    content = mmdb_bytes(NETWORKS, "Test-City", ip_version=6)
    locator = Locator([(Provenance(Path("c"), None), Database.of(content, "city.mmdb"))])
    maker = MapMaker(locator, edge_of(config), compiled=compiled)
    made = compile_services(config, probe_targets(config), maker)["chat"].clients
    assert isinstance(made, LazyClientMap | CompiledClientMap)
    return made


def given(made: LazyClientMap | CompiledClientMap, client: str) -> PreferenceList:
    return made.lookup(parse_prefix(client)).preference


def test_both_maps_agree_about_every_doubted_block() -> None:
    if why_not() is not None:
        pytest.skip("the native library is not built")
    lazy, compiled = clients(False), clients(True)
    for n in range(4096):
        for client in (
            Prefix(32, (16 << 24) + (n << 8), 24),
            Prefix(128, (0x2001_0DB8 << 96) + (n << 80), 48),
            Prefix(32, (16 << 24) + (n << 8) + n % 256, 32),
        ):
            assert compiled.lookup(client) == lazy.lookup(client)


@pytest.mark.parametrize("compiled", KINDS)
def test_they_are_spread_over_the_countrys_regions_by_capacity(compiled: bool) -> None:
    made = clients(compiled)
    firsts: Counter[str] = Counter()
    for n in range(4096):
        preference = given(made, str(Prefix(32, (16 << 24) + (n << 8), 24)))
        assert set(preference[:2]) == {"us-west", "us-east"}
        assert preference[2:] == ("toronto", "eu-west")
        firsts[preference[0]] += 1
    # Three of four, within four standard deviations of so many draws.
    assert abs(firsts["us-west"] / 4096 - 0.75) < 0.03


@pytest.mark.parametrize("compiled", KINDS)
@pytest.mark.parametrize(
    ("client", "scope"),
    [("16.1.2.3/32", 24), ("16.1.2.0/24", 24), ("16.0.0.0/13", 24), ("2001:db8:1::/64", 48)],
)
def test_their_scope_is_no_shorter_than_a_block(compiled: bool, client: str, scope: int) -> None:
    assert clients(compiled).lookup(parse_prefix(client)).scope == scope


@pytest.mark.parametrize("compiled", KINDS)
def test_all_of_a_block_has_one_order(compiled: bool) -> None:
    made = clients(compiled)
    for block in range(64):
        base = (16 << 24) + (block << 8)
        assert len({made.lookup(Prefix(32, base + n, 32)) for n in range(0, 256, 51)}) == 1


@pytest.mark.parametrize("compiled", KINDS)
def test_an_edge_in_their_country_takes_them_to_stand_where_it_does(compiled: bool) -> None:
    made = clients(compiled, edge_country="US")  # an edge that is written to be in the US
    entry = made.lookup(parse_prefix("16.1.2.3/32"))
    assert entry.preference == ("eu-west", "toronto", "us-east", "us-west")
    assert entry.scope <= 12
    assert given(made, "18.0.0.1/32")[0] == "us-east"


@pytest.mark.parametrize("compiled", KINDS)
@pytest.mark.parametrize(
    ("client", "first"),
    [
        pytest.param("18.0.0.1/32", ("us-east", "toronto", "us-west", "eu-west"), id="sure"),
        pytest.param("19.0.0.1/32", ("eu-west", "toronto", "us-east", "us-west"), id="one region"),
        pytest.param("20.0.0.1/32", ("eu-west", "toronto", "us-east", "us-west"), id="nowhere"),
    ],
)
def test_others_go_by_distance(compiled: bool, client: str, first: tuple[str, ...]) -> None:
    assert given(clients(compiled), client) == first


@pytest.mark.parametrize("compiled", KINDS)
def test_anycast_is_spread_too(compiled: bool) -> None:
    made = clients(compiled)
    firsts = {given(made, f"17.0.{n}.0/24")[0] for n in range(64)}
    assert firsts == {"us-west", "us-east"}


@pytest.mark.parametrize("compiled", KINDS)
def test_a_pin_leaves_of_the_countrys_regions_what_it_allows(compiled: bool) -> None:
    pin = {"countries": ["US"], "regions": ["us-west", "eu-west", "toronto"]}
    entry = clients(compiled, law=pin).lookup(parse_prefix("16.1.2.3/32"))
    assert entry.preference == ("us-west", "toronto", "eu-west")
    assert entry.pins == ("law",)
    assert entry.scope <= 12


@pytest.mark.parametrize("compiled", KINDS)
def test_a_prefix_over_pins_is_drawn_among_what_all_of_them_allow(compiled: bool) -> None:
    low = {"subnets": ["16.0.0.0/13"], "regions": ["us-west", "us-east"]}
    high = {"subnets": ["16.8.0.0/13"], "regions": ["us-east", "eu-west"]}
    entry = clients(compiled, low=low, high=high).lookup(parse_prefix("16.0.0.0/12"))
    assert (entry.preference, entry.scope) == (("us-east",), 13)


@pytest.mark.parametrize("compiled", KINDS)
@pytest.mark.parametrize("policy", ["failover", "weighted"])
def test_policies_that_do_not_go_by_place_do_not_care(compiled: bool, policy: str) -> None:
    made = clients(compiled, policy=policy)
    trace = made.trace(parse_prefix("16.1.2.3/32"))
    assert trace.of_country == ()
    sure = clients(compiled, policy=policy).lookup(parse_prefix("18.0.0.1/32"))
    if policy == "failover":
        assert trace.entry.preference == sure.preference == tuple(REGIONS)


@pytest.mark.parametrize("compiled", KINDS)
def test_a_trace_tells_why(compiled: bool) -> None:
    trace = clients(compiled).trace(parse_prefix("16.1.2.3/32"))
    assert (trace.place.radius, trace.place.country) == (1000.0, "US")
    assert trace.place.doubt
    assert trace.origin == trace.place
    assert set(trace.of_country) == {"us-west", "us-east"}
    here = clients(compiled, edge_country="US").trace(parse_prefix("16.1.2.3/32"))
    assert (here.origin.how, here.of_country) == ("edge", ())
