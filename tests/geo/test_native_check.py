"""The native library's check of a database against the Python walk: one verdict, never a crash."""

from __future__ import annotations

import asyncio
import os
import random
import weakref
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mmdb_writer import Record, mmdb_bytes, write_mmdb

from resolverd.abi.library import why_not
from resolverd.abi.map import Geography, NativeMap, Region
from resolverd.abi.meter import Meter
from resolverd.dns.prefix import Prefix
from resolverd.errors import GeoError
from resolverd.geo import embedded
from resolverd.geo.check import check, open_checked
from resolverd.geo.database import Database
from resolverd.geo.inspection import inspect_content

pytestmark = pytest.mark.skipif(why_not() is not None, reason="the native library is not built")

Verdict = tuple[int, int, int] | str
"""Networks, records and unreadable ones; or why it is refused, without what to do about it."""

GEOGRAPHY = Geography(
    policy="nearest",
    block_v4=24,
    block_v6=48,
    edge=(50.0, 8.0),
    regions=[Region(1.0, 103.0, 1, 1), Region(50.0, 8.0, 1, 2)],
    pins=[[0], [1]],
    subnets=[(Prefix(32, 10 << 24, 9), 0)],
    countries=[("SG", 1)],
    continents=[],
    biases=[(1.0, 0.0), (1.0, 0.0)],
)


def silent(fraction: float) -> None:
    assert 0 <= fraction <= 1


def by_walk(content: bytes) -> Verdict:
    try:
        report = inspect_content(content, "it", silent)
    except GeoError as error:
        return str(error).partition("; ")[0]
    return report.networks, report.records, report.unreadable


def natively(content: bytes) -> Verdict:
    """The native verdict; a database that passes is compiled and asked as well."""
    try:
        database = Database.of(content, "it")
        places = database.place_index()
    except GeoError as error:
        return str(error).partition("; ")[0]
    with database.lend() as lent:
        compiled = NativeMap([(lent, places)], GEOGRAPHY)
    for length in range(0, 33, 4):
        found = compiled.lookup(Prefix(32, 10 << 24, 32).widened(length))
        assert set(found.preference) <= {0, 1}
    return places.networks, places.records, places.unreadable


def alike(content: bytes) -> None:
    """Equal figures, or a refusal by both; for its first damage where that is in the values."""
    walked, native = by_walk(content), natively(content)
    if isinstance(walked, str):
        assert isinstance(native, str), walked
        if "cannot be read" not in walked:
            assert native == walked
    else:
        assert native == walked


def test_maxminds_test_databases_get_the_same_verdict(corpus: Path) -> None:
    for path in sorted(corpus.glob("*.mmdb")):
        alike(path.read_bytes())


@pytest.mark.parametrize(
    "name",
    [
        "MaxMind-DB-test-broken-pointers-24",
        "MaxMind-DB-test-broken-search-tree-24",
        "MaxMind-DB-test-ipv4-24",
        "MaxMind-DB-test-ipv6-28",
        "MaxMind-DB-test-mixed-32",
    ],
)
def test_a_type_that_claims_places_does_not_save_a_broken_file(corpus: Path, name: str) -> None:
    content = (corpus / f"{name}.mmdb").read_bytes()
    claiming = content.replace(b"database_type\x44Test", b"database_type\x44City")
    assert claiming != content
    assert isinstance(natively(claiming), str)
    alike(claiming)


def test_the_embedded_database_gets_the_same_figures() -> None:
    networks = natively(embedded.content())[0]
    assert isinstance(networks, int)
    assert networks > 500_000


SG: Record = {"country_code": "SG", "latitude": 1.25, "longitude": 103.75}
NESTED: Record = {
    "country": {"iso_code": "DE", "names": {"en": "Germany", "de": "Deutschland"}},
    "continent": {"code": "EU"},
    "location": {"latitude": 50.0, "longitude": 8.0, "accuracy_radius": 5},
    "traits": [1, True, 2.5],
}
FLAT = mmdb_bytes({"10.0.0.0/8": SG, "11.1.0.0/16": {"country_code": "DE"}}, record_size=28)
CITY = mmdb_bytes(
    {"10.0.0.0/8": NESTED, "2001:db8::/32": {"country": {"iso_code": "SG"}}},
    "Test-City",
    32,
    6,
    aliases=True,
)


@pytest.mark.parametrize("content", [FLAT, CITY], ids=["flat", "nested"])
def test_cut_anywhere_it_gets_the_same_verdict(content: bytes) -> None:
    for length in range(len(content)):
        alike(content[:length])


@pytest.mark.parametrize("content", [FLAT, CITY], ids=["flat", "nested"])
def test_with_any_octet_changed_it_gets_the_same_verdict(content: bytes) -> None:
    chance = random.Random(7)
    for place in range(len(content)):
        if place < 96 * 8 and content is CITY and place % 8 not in (0, 3, 7):
            continue  # the way down to IPv4 is long and all alike
        changed = bytearray(content)
        changed[place] ^= 1 << chance.randrange(8)
        alike(bytes(changed))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_mutilated_it_gets_the_same_verdict(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from([FLAT, CITY])))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    alike(bytes(content))


def shared(depth: int) -> bytes:
    """A tree of `depth` nodes in which both sides of each lead to the next: 2^depth paths."""
    sound = mmdb_bytes({"0.0.0.0/1": SG, "128.0.0.0/1": SG}, record_size=32)
    rest = sound[8:].replace(b"node_count\xc1\x01", b"node_count\xc1" + bytes([depth]))
    nodes = b"".join((n + 1).to_bytes(4, "big") * 2 for n in range(depth - 1))
    return nodes + (depth + 16).to_bytes(4, "big") * 2 + rest


def test_a_tree_that_shares_its_nodes_is_refused_beyond_reason() -> None:
    assert natively(shared(4)) == (2, 1, 0)
    refused = natively(shared(32))
    assert isinstance(refused, str)
    assert "nodes shared beyond reason" in refused


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "city.mmdb"
    os.mkfifo(pipe)
    with pytest.raises(GeoError, match="not a regular file"):
        open_checked(pipe)


def test_a_report_has_the_files_own_hash_and_type(tmp_path: Path) -> None:
    path = write_mmdb(tmp_path / "city.mmdb", {"10.0.0.0/8": SG})
    seen: list[float] = []
    report = asyncio.run(check(path, seen.append))
    assert report == inspect_content(path.read_bytes(), path.name, silent)
    assert seen[-1] == 1.0


def test_a_meter_ends_at_the_end() -> None:
    meter = Meter()
    assert meter.part == 0
    Database.of(FLAT, "it").place_index(meter)
    assert 0.5 < meter.part <= 1


def test_what_only_compiling_needs_is_dropped_and_read_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    database = Database.of(FLAT, "it")
    first = weakref.ref(database.place_index())
    database.rest()
    assert first() is not None, "a small one stays"
    monkeypatch.setattr("resolverd.geo.database._LARGE_INDEX", 0)
    database.rest()
    assert first() is None
    again = database.place_index()
    assert (again.networks, again.records) == natively(FLAT)[:2]


def test_what_several_maps_share_is_dropped_once_they_are_compiled() -> None:
    database = Database.of(FLAT, "it")
    database.expect_maps()
    shared = weakref.ref(database.place_index())
    database.rest()
    assert shared() is None, "it holds what the first map found, however small it was itself"
    alone = database.place_index()
    database.rest()
    assert database.place_index() is alone
