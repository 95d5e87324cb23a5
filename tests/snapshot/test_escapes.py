"""Whether an edit of pins lets a client out of its fence, against every client asked one by one."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.config.model import Config
from resolverd.dns.prefix import Prefix, parse_prefix
from resolverd.policy.fence import Fence
from resolverd.snapshot.escapes import escapes

REGIONS = ("a", "b", "c")
SUBNETS = ("10.0.0.0/28", "10.0.0.0/29", "10.0.0.4/30", "10.0.0.7/32", "10.0.0.8/29")
COUNTRIES, CONTINENTS = ("DE", "FR"), ("EU", "NA")
ADDRESSES = [Prefix(32, parse_prefix("10.0.0.0").address + n, 32) for n in range(-1, 17)]
ASNS, OWN = (64500, 64501), ("office", "carrier")
PLACES = list(product((*COUNTRIES, "BR", None), (*CONTINENTS, "SA", None), (*ASNS, 64502, None)))


def config(
    pins: dict[str, dict[str, Any]], *services: str, place: dict[str, dict[str, Any]] | None = None
) -> Config:
    region = {"coordinates": [0, 0], "endpoint": [{"address": ["192.0.2.1"], "url": "tcp://x:1"}]}
    return Config.model_validate(
        {
            "server": {"coordinates": [0, 0]},
            "region": dict.fromkeys(REGIONS, region),
            "service": {name: {"regions": REGIONS} for name in services or ("chat",)},
            "pin": pins,
            "place": place or {},
        }
    )


@st.composite
def pinned(draw: st.DrawFn) -> Config:
    """Up to three pins, each claim with one of them."""
    names = draw(st.lists(st.sampled_from(("p", "q", "r")), unique=True))
    pins: dict[str, dict[str, Any]] = {
        name: {
            "regions": draw(st.lists(st.sampled_from(REGIONS), min_size=1, unique=True)),
            "subnets": [],
            "countries": [],
            "continents": [],
            "places": [],
            "asn": [],
        }
        for name in names
    }
    owner = st.sampled_from([None, *names])
    claims: dict[str, tuple[Any, ...]] = {
        "subnets": SUBNETS, "countries": COUNTRIES, "continents": CONTINENTS, "places": OWN,
        "asn": ASNS,
    }  # fmt: skip
    for kind, values in claims.items():
        for value in values:
            if (name := draw(owner)) is not None:
                pins[name][kind].append(value)
    for kind in ("unplaced", "default"):
        if (name := draw(owner)) is not None:
            pins[name][kind] = True
    return config(pins, place=draw(own_places()))


@st.composite
def own_places(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    """Up to two own places, which share no subnet and no autonomous system."""
    subnets = draw(st.lists(st.sampled_from(SUBNETS), unique=True))
    asns = draw(st.lists(st.sampled_from(ASNS), unique=True))
    places: dict[str, dict[str, Any]] = {}
    for name in OWN:
        taken: dict[str, Any] = {
            "subnets": [subnets.pop() for _ in range(draw(st.integers(0, 2))) if subnets],
            "asn": [asns.pop() for _ in range(draw(st.integers(0, 1))) if asns],
        }
        if draw(st.booleans()):
            taken["country"] = draw(st.sampled_from((*COUNTRIES, "BR")))
        if taken["subnets"] or taken["asn"]:
            places[name] = taken
    return places


def fence(of: Config, address: Prefix, place: tuple[str | None, str | None, int | None]) -> Fence:
    """The regions of the pin that holds for one client, None where none does; the long way."""
    country, continent, asn = place
    around = [
        (subnet.length, name)
        for name, own in of.place.items()
        for subnet in own.subnets
        if subnet.contains(address)
    ]
    numbered = [name for name, own in of.place.items() if asn in own.asn]
    named = max(around)[1] if around else next(iter(numbered), None)
    if named is not None and of.place[named].country:
        country = of.place[named].country
        continent = {"DE": "EU", "FR": "EU", "BR": "SA"}[str(country)]
    best, length = None, -1
    for pin in of.pin.values():
        for subnet in pin.subnets:
            if subnet.contains(address) and subnet.length > length:
                best, length = pin, subnet.length
    by_place = (
        [pin for pin in of.pin.values() if named in pin.places],
        [pin for pin in of.pin.values() if asn in pin.asn],
        [pin for pin in of.pin.values() if country is not None and country in pin.countries],
        [pin for pin in of.pin.values() if continent is not None and continent in pin.continents],
        [pin for pin in of.pin.values() if country is None and pin.unplaced],
        [pin for pin in of.pin.values() if pin.default],
    )
    for pins in by_place:
        best = best or next(iter(pins), None)
    return None if best is None else frozenset(best.regions)


@given(pinned(), pinned())
def test_an_escape_is_found_just_where_some_client_leaves_its_fence(
    before: Config, after: Config
) -> None:
    leaves = False
    for address, place in product(ADDRESSES, PLACES):
        held, later = fence(before, address, place), fence(after, address, place)
        leaves |= held is not None and (later is None or not later <= held)
    found = list(escapes(before, "chat", after, "chat"))
    assert bool(found) == leaves
    assert {escape.pin for escape in found} <= before.pin.keys()


@given(pinned())
def test_nobody_leaves_by_an_edit_of_something_else(pins: Config) -> None:
    assert not list(escapes(pins, "chat", pins.model_copy(), "chat"))


GDPR = {"countries": ["DE", "FR"], "subnets": ["10.0.0.0/28"], "regions": ["a"]}


@pytest.mark.parametrize(
    ("after", "clients"),
    [
        ({}, "in country DE"),
        ({"g": GDPR | {"regions": ["a", "b"]}}, "in country DE"),
        ({"g": GDPR | {"countries": ["DE"]}}, "in country FR"),
        ({"g": GDPR | {"subnets": ["10.0.0.0/29"]}}, "10.0.0.8/32, if of a country without a pin"),
        ({"g": GDPR | {"services": ["other"]}}, "in country DE"),
        ({"g": GDPR, "h": {"subnets": ["10.0.0.4/30"], "regions": ["b"]}}, "10.0.0.4/32"),
        ({"g": GDPR, "h": {"asn": [64500], "regions": ["b"]}}, "in AS64500, in country DE"),
        ({"renamed": GDPR}, None),
        ({"g": GDPR | {"countries": ["DE", "FR", "IE"]}}, None),
        ({"g": GDPR, "h": {"subnets": ["10.0.0.4/30"], "regions": ["a"]}}, None),
    ],
)
def test_the_clients_who_leave_are_named(after: dict[str, Any], clients: str | None) -> None:
    services = ("chat", "other")
    found = list(escapes(config({"g": GDPR}, *services), "chat", config(after, *services), "chat"))
    assert [escape.clients for escape in found] == ([] if clients is None else [clients])


OFFICE = {"office": {"subnets": ["10.0.0.0/29"], "country": "DE"}}


@pytest.mark.parametrize(
    ("place", "clients"),
    [
        ({}, "10.0.0.0/32, if of a country without a pin"),
        ({"office": OFFICE["office"] | {"country": "BR"}}, "10.0.0.0/32, if of a country without"),
        ({"office": OFFICE["office"] | {"subnets": ["10.0.0.0/30"]}}, "10.0.0.4/32, if of a"),
        (OFFICE | {"cafe": {"subnets": ["10.0.0.2/32"], "country": "BR"}}, "10.0.0.2/32, if"),
        (OFFICE | {"carrier": {"asn": [64500], "country": "BR"}}, "in AS64500, in country DE"),
        ({"office": OFFICE["office"] | {"country": "FR"}}, None),
        ({"office": OFFICE["office"] | {"subnets": ["10.0.0.0/28"]}}, None),
    ],
)
def test_who_leaves_by_an_edit_of_an_own_place_is_named(
    place: dict[str, Any], clients: str | None
) -> None:
    pins = {"g": {"countries": ["DE", "FR"], "regions": ["a"]}}
    then, now = config(pins, place=OFFICE), config(pins, place=place)
    found = [escape.clients for escape in escapes(then, "chat", now, "chat")]
    assert len(found) == (clients is not None)
    assert all(each.startswith(clients or "") for each in found)
