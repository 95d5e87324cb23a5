"""Orders that the lazy map keeps by place are those that its ranking makes, asked in any order."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmdb_writer import mmdb_bytes

from resolverd.dns.prefix import Prefix
from resolverd.geo.database import Database
from resolverd.geo.locator import Locator, Provenance
from resolverd.geo.place import Place
from resolverd.policy.fence import GeoPins, PinRule
from resolverd.snapshot.clientmap import LazyClientMap, Policy, Ranking
from resolverd.snapshot.map_orders import MapOrders
from resolverd.snapshot.trace import Known

REGIONS = {
    "us-east": (39.0, -77.5),
    "us-west": (45.6, -121.2),
    "eu-west": (53.3, -6.3),
    "ap": (35.7, 139.7),
}
COUNTRIES = {"us-east": "US", "us-west": "US", "eu-west": "IE", "ap": "JP"}
EDGE = Place(50.1, 8.7, "DE", "EU", "edge")
NOTHING = Known()
AP = frozenset({"ap"})

# So few that most are asked for again.
points = st.sampled_from([(35.0, 135.0), (48.9, 2.4), (40.7, -74.0), (0.0, 0.0)])
countries = st.sampled_from(["US", "JP", "DE", None])
fences = st.sampled_from([(), ("eu-west",), ("us-east", "us-west"), ("us-east", "ap")])
networks = st.integers(0, 255).map(lambda n: Prefix(32, n << 24, 24))


@st.composite
def places(draw: st.DrawFn) -> Place:
    """Some are in doubt: no better known than by their country."""
    country = draw(countries)
    doubt = draw(st.sampled_from(["", "the country's own point"])) if country else ""
    how, asn = draw(st.sampled_from(["a.mmdb", "b.mmdb"])), draw(st.sampled_from([None, 64500]))
    return Place(*draw(points), country, None, how, asn=asn, doubt=doubt)


def ranking(policy: Policy) -> Ranking:
    return Ranking(
        policy, tuple(REGIONS), REGIONS, dict.fromkeys(REGIONS, 1), 24, 48,
        countries=COUNTRIES, capacities=dict.fromkeys(REGIONS, 1.0), edge_country="DE",
    )  # fmt: skip


@given(
    st.sampled_from(["nearest", "failover", "weighted"]),
    st.lists(st.tuples(fences, places(), networks), max_size=12),
)
def test_an_order_is_that_of_the_ranking(
    policy: Policy, asked: list[tuple[tuple[str, ...], Place, Prefix]]
) -> None:
    ranked = ranking(policy)
    orders = MapOrders(ranked, EDGE)
    for fence, place, client in asked:
        rules = [PinRule("pin", frozenset(fence))] if fence else []
        allowed = tuple(region for region in REGIONS if not fence or region in fence)
        expected = ranked.order(allowed, place, client, NOTHING, EDGE)
        assert orders.order(rules, place, client, NOTHING) == expected


@pytest.mark.parametrize("pins", [GeoPins({}, {}), GeoPins({"JP": PinRule("jp", AP)}, {})])
def test_entries_of_one_place_share_one_list(pins: GeoPins) -> None:
    """A map of 65,536 entries would else hold as many lists of 255 regions."""
    networks = {f"{n}.0.0.0/8": {"country_code": "JP"} for n in (1, 2)}
    database = Database.of(mmdb_bytes(networks), "it")
    locator = Locator([(Provenance(Path("it"), None), database)])
    clients = LazyClientMap(ranking("nearest"), [], pins, locator, EDGE)
    first, second = (clients.lookup(Prefix(32, n << 24, 24)).preference for n in (1, 2))
    assert first
    assert first is second
