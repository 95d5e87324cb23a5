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
PLACES = list(product((*COUNTRIES, "BR", None), (*CONTINENTS, "SA", None)))


def config(pins: dict[str, dict[str, Any]], *services: str) -> Config:
    region = {"coordinates": [0, 0], "endpoint": [{"address": ["192.0.2.1"], "url": "tcp://x:1"}]}
    return Config.model_validate(
        {
            "server": {"coordinates": [0, 0]},
            "region": dict.fromkeys(REGIONS, region),
            "service": {name: {"regions": REGIONS} for name in services or ("chat",)},
            "pin": pins,
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
        }
        for name in names
    }
    owner = st.sampled_from([None, *names])
    claims = {"subnets": SUBNETS, "countries": COUNTRIES, "continents": CONTINENTS}
    for kind, values in claims.items():
        for value in values:
            if (name := draw(owner)) is not None:
                pins[name][kind].append(value)
    for kind in ("unplaced", "default"):
        if (name := draw(owner)) is not None:
            pins[name][kind] = True
    return config(pins)


def fence(of: Config, address: Prefix, place: tuple[str | None, str | None]) -> Fence:
    """The regions of the pin that holds for one client, None where none does; the long way."""
    country, continent = place
    best, length = None, -1
    for pin in of.pin.values():
        for subnet in pin.subnets:
            if subnet.contains(address) and subnet.length > length:
                best, length = pin, subnet.length
    by_place = (
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
        ({"renamed": GDPR}, None),
        ({"g": GDPR | {"countries": ["DE", "FR", "IE"]}}, None),
        ({"g": GDPR, "h": {"subnets": ["10.0.0.4/30"], "regions": ["a"]}}, None),
    ],
)
def test_the_clients_who_leave_are_named(after: dict[str, Any], clients: str | None) -> None:
    services = ("chat", "other")
    found = list(escapes(config({"g": GDPR}, *services), "chat", config(after, *services), "chat"))
    assert [escape.clients for escape in found] == ([] if clients is None else [clients])
