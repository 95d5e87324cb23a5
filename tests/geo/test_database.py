"""One open database: what it says, how wide it is true, and that nobody can pull it away."""

from __future__ import annotations

import gc
import ipaddress
import os
import random
from pathlib import Path
from typing import Literal

import maxminddb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mmdb_writer import Record, mmdb_bytes, write_mmdb

from resolverd.dns.prefix import Bits, Prefix, host_prefix
from resolverd.errors import GeoError
from resolverd.geo import database as databases
from resolverd.geo import memory_copy, private
from resolverd.geo.database import Database
from resolverd.geo.place import Located, Place

SG: Record = {"country_code": "SG"}
DE: Record = {"country_code": "DE"}
LONDON: Record = {"country_code": "GB", "latitude": 51.5, "longitude": -0.1, "city": "London"}


def ask(database: Database, address: str) -> Located:
    host = host_prefix(address)
    return database.locate(host.address, host.bits)


def country(located: Located) -> str | None:
    return located.place.country if located.place else None


@pytest.mark.parametrize("record_size", [24, 28, 32])
def test_flat_records_are_read_at_every_record_size(record_size: Literal[24, 28, 32]) -> None:
    networks = {"192.0.2.0/24": LONDON, "198.51.100.128/25": SG}
    database = Database.of(mmdb_bytes(networks, record_size=record_size), "flat.mmdb")
    assert ask(database, "192.0.2.77") == Located(Place(51.5, -0.1, "GB", "EU", "flat.mmdb"), 24)
    assert ask(database, "198.51.100.200") == Located(
        Place(1.35, 103.82, "SG", "AS", "flat.mmdb"), 25
    )
    assert ask(database, "198.51.100.1") == Located(None, 25)
    assert ask(database, "10.0.0.1") == Located(None, 1)


def test_an_ipv4_database_places_no_ipv6_address_at_all() -> None:
    database = Database.of(mmdb_bytes({"192.0.2.0/24": SG}), "v4.mmdb")
    assert ask(database, "2001:db8::1") == Located(None, 0)


def test_an_ipv6_database_without_ipv4_places_no_ipv4_address_at_all() -> None:
    database = Database.of(mmdb_bytes({"2001:db8::/32": SG}, "city ipv6", ip_version=6), "v6.mmdb")
    assert ask(database, "192.0.2.1") == Located(None, 0)
    assert country(ask(database, "2001:db8::1")) == "SG"


@pytest.mark.parametrize(
    ("address", "code", "length"),
    [
        ("192.0.2.1", "SG", 24),
        ("::192.0.2.1", "SG", 120),
        ("::ffff:192.0.2.1", "SG", 120),
        ("2002:c000:0201::1", "SG", 40),
        ("2001:db8:1::", "DE", 32),
        ("192.0.3.1", None, 24),
        ("2002:c000:0301::1", None, 40),
    ],
)
def test_an_aliased_ipv4_subtree_keeps_lengths_in_the_family_asked(
    address: str, code: str | None, length: int
) -> None:
    networks = {"192.0.2.0/24": SG, "2001:db8::/32": DE}
    content = mmdb_bytes(networks, "city ipvAll", 28, 6, aliases=True)
    located = ask(Database.of(content, "all.mmdb"), address)
    assert (country(located), located.length) == (code, length)


def test_a_bad_record_is_counted_and_is_no_place() -> None:
    beyond: Record = {"country_code": "DE", "latitude": 500.0, "longitude": 1.0}
    database = Database.of(mmdb_bytes({"192.0.2.0/24": beyond, "10.0.0.0/8": SG}), "flat.mmdb")
    assert ask(database, "192.0.2.1") == Located(None, 24)
    assert country(ask(database, "10.0.0.1")) == "SG"
    assert database.unreadable == 1


def test_a_record_that_cannot_be_decoded_is_counted_and_is_no_place(corpus: Path) -> None:
    database = Database.open(corpus / "GeoIP2-City-Test-Broken-Double-Format.mmdb")
    assert ask(database, "81.2.69.160") == Located(None, 32)
    assert database.unreadable == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no MaxMind DB metadata"),
        (b"<!DOCTYPE html><html>Sign in</html>", "DOCTYPE"),
        (mmdb_bytes({"10.0.0.0/8": SG})[:60], "truncated"),
        (mmdb_bytes({"10.0.0.0/8": SG})[:-140], "damaged"),
        (mmdb_bytes({"10.0.0.0/8": SG}, "domain ipv4"), '"domain ipv4" has no places'),
        (b"\xab\xcd\xefMaxMind.com", "metadata"),
        (b"\xab\xcd\xefMaxMind.com\xe1\x41a\x41b", "metadata"),
    ],
)
def test_what_is_no_database_is_refused_with_its_reason(content: bytes, reason: str) -> None:
    with pytest.raises(GeoError, match=reason) as refused:
        Database.of(content, "city.mmdb")
    assert str(refused.value).startswith("city.mmdb: ")


def test_a_missing_file_is_refused_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(GeoError, match="No such file"):
        Database.open(tmp_path / "absent.mmdb")


def test_a_file_truncated_in_place_leaves_lookups_alone(tmp_path: Path) -> None:
    """A reader that maps the file itself is killed by SIGBUS here."""
    blocks = {f"10.{i}.{j}.0/24": LONDON for i in range(40) for j in range(40)}
    path = write_mmdb(tmp_path / "city.mmdb", blocks)
    database = Database.open(path)
    assert path.stat().st_size > 8192
    os.truncate(path, 0)
    assert country(ask(database, "10.39.39.1")) == "GB"
    path.write_bytes(b"\xff" * 100_000)
    assert country(ask(database, "10.0.0.1")) == "GB"


def test_without_memory_files_the_python_reader_says_the_same(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = corpus / "GeoLite2-City-Test.mmdb"
    fast = Database.open(path)
    for room in (private, databases, memory_copy):
        monkeypatch.setattr(room, "memory_file", lambda name: None)
    plain = Database.open(path)
    assert plain.shared_path is None
    for address in ("81.2.69.160", "2.125.160.216", "1.1.1.1", "2001:218::1", "2002:5102:45a0::"):
        assert ask(plain, address) == ask(fast, address)


def test_a_dropped_database_leaves_no_descriptor_behind() -> None:
    content = mmdb_bytes({"10.0.0.0/8": SG})
    gc.collect()
    before = set(Path("/proc/self/fd").iterdir())
    for _ in range(5):
        Database.of(content, "city.mmdb")
    with pytest.raises(GeoError):
        Database.of(mmdb_bytes({"10.0.0.0/8": SG}, "domain ipv4"), "asn.mmdb")
    assert set(Path("/proc/self/fd").iterdir()) == before


@pytest.mark.parametrize(
    "name",
    [
        "GeoIP2-City-Test.mmdb",
        "GeoIP2-Country-Test.mmdb",
        "GeoIP2-Enterprise-Test.mmdb",
        "GeoLite2-City-Test.mmdb",
        "GeoLite2-Country-Test.mmdb",
    ],
)
def test_every_network_of_a_real_layout_agrees_with_maxminddb(corpus: Path, name: str) -> None:
    database = Database.open(corpus / name)
    placed = 0
    with maxminddb.open_database(corpus / name, maxminddb.MODE_MMAP) as reader:
        for network, record in reader:
            assert isinstance(record, dict)
            bits: Bits = 32 if network.version == 4 else 128
            place, length = database.locate(int(network.network_address), bits)
            assert length == network.prefixlen
            # What is not an ISO country with a point of its own is checked by test_layout.
            raw = record.get("country")
            wanted = raw.get("iso_code") if isinstance(raw, dict) else None
            assert (place.country if place else None) == wanted
            location = record.get("location")
            if place and not place.doubt and isinstance(location, dict) and location:
                assert (place.latitude, place.longitude) == (
                    location["latitude"],
                    location["longitude"],
                )
            placed += place is not None
    assert placed > 20
    assert database.unreadable == 0


CODES = ["SG", "DE", "GB", "US", "BR", "JP"]


@st.composite
def v4_networks(draw: st.DrawFn) -> dict[Prefix, str]:
    """Overlapping and nested networks in a crowded corner of the address space."""
    rng = random.Random(draw(st.integers(0, 2**32)))
    base = rng.getrandbits(32)
    found = {}
    for _ in range(draw(st.integers(1, 25))):
        near = base ^ rng.getrandbits(rng.choice([4, 12, 32]))
        found[Prefix(32, near, 32).widened(rng.randint(1, 32))] = rng.choice(CODES)
    return found


def oracle(networks: dict[Prefix, str], address: int) -> str | None:
    host = Prefix(32, address, 32)
    holding = [network for network in networks if network.contains(host)]
    return networks[max(holding, key=lambda n: n.length)] if holding else None


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(v4_networks(), st.sampled_from([24, 28, 32]), st.sampled_from([4, 6]), st.data())
def test_any_database_answers_like_a_slow_longest_match(
    networks: dict[Prefix, str],
    record_size: Literal[24, 28, 32],
    ip_version: Literal[4, 6],
    data: st.DataObject,
) -> None:
    records: dict[str, Record] = {str(n): {"country_code": c} for n, c in networks.items()}
    database = Database.of(
        mmdb_bytes(records, "country ipv4", record_size, ip_version), "random.mmdb"
    )
    for network in networks:
        inside = network.address | data.draw(st.integers(0, (1 << (32 - network.length)) - 1))
        located = database.locate(inside, 32)
        assert country(located) == oracle(networks, inside)
        # Everything inside the returned length is in the same place.
        block = Prefix(32, inside, 32).widened(located.length)
        size = 1 << (32 - block.length)
        for offset in {0, size - 1, data.draw(st.integers(0, size - 1))}:
            assert database.locate(block.address + offset, 32) == located
            assert oracle(networks, block.address + offset) == country(located)
        if ip_version == 6:
            within = database.locate(int(ipaddress.IPv6Address(inside)), 128)
            assert within == Located(located.place, located.length + 96)
