"""Records of every layout, sound ones and ones with holes, mean the same to both maps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from harness.trials import trials
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mmdb_writer import Record, mmdb_bytes

from resolverd.abi.library import why_not
from resolverd.dns.prefix import Prefix
from resolverd.errors import GeoError
from resolverd.geo.countries import countries
from resolverd.geo.database import Database
from resolverd.geo.inspection import inspect_content
from resolverd.geo.layout import layout_of, read_place
from resolverd.geo.locator import Locator, Provenance
from resolverd.geo.place import Place
from resolverd.policy.fence import GeoPins, PinRule
from resolverd.rtt.latency import Measured
from resolverd.rtt.samples import Sample, Samples
from resolverd.snapshot.clientmap import LazyClientMap, Ranking
from resolverd.snapshot.compiledmap import CompiledClientMap

pytestmark = pytest.mark.skipif(why_not() is not None, reason="the native library is not built")

EDGE = Place(50.0, 8.0, None, None, "edge")
# Enough regions that the order of the distances tells nearly any two points apart.
REGIONS = {f"r{n}": (n * 37 % 160 - 80.0, n * 101 % 360 - 180.0) for n in range(24)}
OF_COUNTRY = {"r3": "US", "r4": "US", "r5": "GB", "r6": "GB", "r7": "GB", "r8": "FR"}
PINNED = ("US", "GB", "RU", "AQ")

codes = st.sampled_from(["US", "GB", "RU", "FR", "AQ", "FJ", "EU", "AP", "ZZ", "-", "", "us"])
names = st.sampled_from(["", "-", "London", 7])
flags = st.sampled_from([True, False, "true", "", 1])


def degrees(least: float, most: float) -> st.SearchStrategy[Any]:
    """Numbers, texts, and what is none; some beyond the end."""
    numbers = st.floats(least * 1.01, most * 1.01)
    texts = st.sampled_from(["", "-", "0", "0.0", " 1_0.5 ", "1e1", "north", "nan", "37.751"])
    known = st.sampled_from([0.0, 0, 37.751, -97.822, 51.5, -0.1, 38.0, -97.0, 54.0, -2.0])
    return st.one_of(numbers, texts, known, numbers.map(str), st.just(True))


radii = st.one_of(
    st.integers(0, 5000),
    st.floats(0, 1000),
    st.sampled_from([499, 500, "500", "499.9", "", "wide", "inf", "-1", True, [1], "9" * 250]),
)


def parts(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A map of any of these keys."""
    return st.fixed_dictionaries({}, optional=keys)


nested = parts(
    country=st.one_of(parts(iso_code=codes, locales=st.just(1)), st.just("US")),
    registered_country=parts(iso_code=codes),
    represented_country=parts(iso_code=codes),
    continent=parts(code=st.sampled_from(["EU", "NA", "", "Europe"])),
    location=parts(latitude=degrees(-90, 90), longitude=degrees(-180, 180), accuracy_radius=radii),
    traits=st.one_of(parts(is_anycast=flags, self=flags), st.just(["odd"])),
    city=parts(names=parts(en=names)),
    subdivisions=st.just([]),
)
numbers = st.sampled_from(
    ["AS64500", "64501", "AS0", "", "ASx", "AS4294967296", 64500, 64502, 0, 2**32, True, [1]]
)
flat = parts(
    asn=numbers,
    autonomous_system_number=numbers,
    country_code=codes,
    country=st.one_of(codes, st.just("Germany")),
    continent_code=st.sampled_from(["EU", "NA", ""]),
    continent=st.sampled_from(["EU", "Europe", ""]),
    latitude=degrees(-90, 90),
    longitude=degrees(-180, 180),
    lat=degrees(-90, 90),
    lng=degrees(-180, 180),
    radius=radii,
    accuracy_radius=radii,
    city=names,
    state1=names,
    region=names,
    is_anycast=flags,
)
TYPES = {
    "GeoLite2-City": nested,
    "DBIP-Location (compat=City)": nested,
    "IP2LITE-City": nested,
    "IP2LOCATION-LITE-DB11": nested,
    "IP2LOCATION-LITE-DB1": nested,
    "GeoLite2-Country": nested,
    "city ipv4": flat,
    "country ipv4": flat,
    "ipinfo standard_location.mmdb": flat,
    "ipinfo bundle_location_lite.mmdb": flat,
    "ipinfo generic_country_free_country_asn.mmdb": flat,
}


def sure(kind: str) -> Record:
    """A record that says where it is."""
    return {"country": {"iso_code": "JP"}} if TYPES[kind] is nested else {"country_code": "JP"}


@st.composite
def databases(draw: st.DrawFn) -> tuple[str, dict[str, Record]]:
    kind = draw(st.sampled_from(sorted(TYPES)))
    records = draw(st.lists(TYPES[kind], min_size=1, max_size=12))
    layout = layout_of(kind)
    assert layout is not None
    networks: dict[str, Record] = {"100.0.0.0/8": sure(kind)}
    unreadable = 0
    for each in records:
        try:
            read_place(layout, each, "")
        except ValueError:
            unreadable += 1
            if unreadable > 1:  # of more than one of so few there would be no database to ask
                continue
        networks[f"{len(networks)}.0.0.0/8"] = each
    return kind, networks


@settings(max_examples=trials(60, 250), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(databases(), st.sampled_from(["", "US", "FJ"]))
def test_a_record_means_the_same_to_both_maps(
    made: tuple[str, dict[str, Record]], edge_country: str
) -> None:
    kind, networks = made
    database = Database.of(mmdb_bytes(networks, kind), "it")
    ranked = Ranking(
        "nearest",
        tuple(REGIONS),
        REGIONS,
        dict.fromkeys(REGIONS, 1),
        24,
        48,
        countries={name: OF_COUNTRY.get(name, "") for name in REGIONS},
        capacities={name: 1.0 + n for n, name in enumerate(REGIONS)},
        edge_country=edge_country,
    )
    pins = GeoPins(
        {code: PinRule(code, frozenset(REGIONS)) for code in PINNED},
        {},
        asns={number: PinRule(f"AS{number}", frozenset(REGIONS)) for number in (64500, 64501)},
    )
    locator = Locator([(Provenance(Path("it"), None), database)])
    compiled = CompiledClientMap(ranked, [], pins, locator, EDGE)
    lazy = LazyClientMap(ranked, [], pins, locator, EDGE)
    for first in range(1, 14):
        for n in range(4):
            host = Prefix(32, first << 24 | n << 12, 32)
            entry, known = compiled.lookup(host), lazy.lookup(host)
            assert (entry.preference, entry.pins) == (known.preference, known.pins)
            assert entry.scope <= known.scope
            assert (entry.scope >= 24) == (len(lazy.trace(host).of_country) > 1)
    report = inspect_content(mmdb_bytes(networks, kind), "it", lambda part: None)
    assert database.place_index().unreadable == report.unreadable


@pytest.mark.parametrize("first", [None, 0, 64500, 64501, 64502])
@pytest.mark.parametrize("told", ["", "AS64500", "AS64501", "AS64502"])
def test_clients_are_ranked_by_the_autonomous_system_that_the_first_database_tells(
    first: int | None, told: str
) -> None:
    """And by none of a later one, where nothing goes by the first's: 64502 has no row."""
    regions = {"us": (39.0, -77.5), "eu": (50.1, 8.7), "jp": (35.7, 139.7)}
    asns = {64500: (Sample(2, 1.0, 1.0),), 64501: (Sample(1, 1.0, 1.0),)}
    measured = Measured.of(Samples((*regions,), asns=asns), regions)
    ranked = Ranking(
        "latency", (*regions,), regions, dict.fromkeys(regions, 1), 24, 48,
        latency=measured.latency((*regions,)),
    )  # fmt: skip
    numbered = {"autonomous_system_number": first} if first is not None else {}
    databases: dict[str, dict[str, Record]] = {
        "GeoLite2-ASN": {"1.0.0.0/8": numbered, "2.0.0.0/8": {"autonomous_system_number": 64499}},
        "ipinfo generic_country_free_country_asn.mmdb": {
            "1.0.0.0/8": {"country_code": "US", "asn": told}
        },
    }
    locator = Locator(
        [
            (Provenance(Path(kind), None), Database.of(mmdb_bytes(networks, kind), kind))
            for kind, networks in databases.items()
        ]
    )
    compiled = CompiledClientMap(ranked, [], GeoPins({}, {}), locator, EDGE)
    lazy = LazyClientMap(ranked, [], GeoPins({}, {}), locator, EDGE)
    host = Prefix(32, 1 << 24, 32)
    asn = first or int(told.removeprefix("AS") or 0)
    assert compiled.lookup(host).preference == lazy.lookup(host).preference
    assert lazy.lookup(host).preference[0] == {64500: "jp", 64501: "eu"}.get(asn, "us")


@pytest.mark.parametrize("kind", sorted(TYPES))
def test_one_record_never_refuses_a_file(kind: str) -> None:
    odd: Record = {"country": 7} if TYPES[kind] is nested else {"country_code": 7}
    content = mmdb_bytes({"1.0.0.0/8": odd, "2.0.0.0/8": sure(kind)}, kind)
    assert inspect_content(content, "it", lambda part: None).unreadable == 1
    database = Database.of(content, "it")
    assert database.place_index().unreadable == 1
    located = database.locate(2 << 24, 32).place
    assert located is not None
    assert located.country == "JP"
    assert database.locate(1 << 24, 32).place is None


@pytest.mark.parametrize("kind", ["ipinfo standard_privacy.mmdb", "GeoIP2-Domain", "IP2Proxy-PX1"])
def test_what_cannot_be_read_is_refused_with_what_can(kind: str) -> None:
    with pytest.raises(GeoError) as refused:
        Database.of(mmdb_bytes({"1.0.0.0/8": {"asn": "AS64500"}}, kind), "it")
    for maker in ("MaxMind", "DB-IP", "IP2Location", "IPinfo", "ip-location-db"):
        assert maker in str(refused.value)


def test_the_worlds_countries_are_read_by_the_library_as_they_are_here() -> None:
    """Each country's own point and centres, to the octet: a shift in the table would mix them."""
    networks: dict[str, Record] = {}
    for n, (code, country) in enumerate(sorted(countries().items())):
        networks[f"10.{n}.0.0/17"] = {"country_code": code}
        for centre in country.centres[:1]:
            point = {"latitude": centre[0], "longitude": centre[1]}
            networks[f"10.{n}.128.0/17"] = {"country_code": code, **point}
    database = Database.of(mmdb_bytes(networks, "city ipv4"), "it")
    locator = Locator([(Provenance(Path("it"), None), database)])
    ranked = Ranking("nearest", tuple(REGIONS), REGIONS, dict.fromkeys(REGIONS, 1), 24, 48)
    pins = GeoPins({c: PinRule(c, frozenset(REGIONS)) for c in countries()}, {})
    compiled = CompiledClientMap(ranked, [], pins, locator, EDGE)
    lazy = LazyClientMap(ranked, [], pins, locator, EDGE)
    for n in range(len(countries())):
        for half in (0, 128):
            host = Prefix(32, 10 << 24 | n << 16 | half << 8, 32)
            assert compiled.lookup(host)[0::2] == lazy.lookup(host)[0::2]
