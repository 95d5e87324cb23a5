"""Several databases as one: order, exact lengths, short prefixes, other processes."""

from __future__ import annotations

import multiprocessing
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mmdb_writer import Record, mmdb_bytes, write_mmdb

from resolverd.dns.prefix import Prefix, host_prefix, parse_prefix
from resolverd.errors import GeoError
from resolverd.geo import embedded
from resolverd.geo.attribution import DBIP, MAXMIND
from resolverd.geo.database import Database
from resolverd.geo.locator import LocatedNetwork, Locator, Provenance
from resolverd.geo.place import Located


def record(code: str) -> Record:
    return {"country_code": code}


def join(*contents: bytes) -> Locator:
    return Locator(
        [(Provenance(None, None), Database.of(c, f"{i}.mmdb")) for i, c in enumerate(contents)]
    )


def answer(locator: Locator, address: str) -> tuple[str | None, int]:
    place, length = locator.locate(host_prefix(address))
    return place.country if place else None, length


@pytest.fixture(scope="module")
def pair() -> Locator:
    """One file per family, as city databases of the flat layout come."""
    return join(
        mmdb_bytes({"192.0.2.0/24": record("SG"), "10.0.0.0/8": record("DE")}, "city ipv4"),
        mmdb_bytes({"2001:db8::/32": record("JP")}, "city ipv6", ip_version=6),
    )


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.1", ("SG", 24)),
        ("192.0.3.1", (None, 24)),
        ("172.16.0.1", (None, 2)),
        ("2001:db8:9::1", ("JP", 32)),
        ("2001:db9::1", (None, 32)),
        ("8000::", (None, 1)),
    ],
)
def test_files_of_both_families_complement_each_other(
    pair: Locator, address: str, expected: tuple[str | None, int]
) -> None:
    assert answer(pair, address) == expected


def test_the_first_database_that_places_an_address_wins_with_its_own_length() -> None:
    locator = join(
        mmdb_bytes({"10.1.0.0/16": record("SG")}),
        mmdb_bytes({"10.0.0.0/8": record("DE"), "10.1.1.0/24": record("JP")}),
    )
    assert answer(locator, "10.1.1.1") == ("SG", 16)
    # 10.2.0.0/15 is what the first database leaves out around 10.2.0.1.
    assert answer(locator, "10.2.0.1") == ("DE", 15)


def test_a_length_counts_from_the_first_address_of_a_prefix(pair: Locator) -> None:
    assert pair.locate(parse_prefix("192.0.2.128/28")).length == 24
    assert pair.locate(parse_prefix("10.0.0.0/7")).length == 8


def test_a_short_prefix_lists_the_networks_it_straddles(pair: Locator) -> None:
    found = pair.walk_within(parse_prefix("192.0.0.0/22"), 10)
    assert found is not None
    assert [(str(n.network), n.place and n.place.country) for n in found] == [
        ("192.0.0.0/23", None),
        ("192.0.2.0/24", "SG"),
        ("192.0.3.0/24", None),
    ]


def test_a_prefix_inside_one_network_lists_that_network_whole(pair: Locator) -> None:
    place = pair.locate(host_prefix("10.0.0.0")).place
    found = pair.walk_within(parse_prefix("10.4.0.0/16"), 1)
    assert found == [LocatedNetwork(parse_prefix("10.0.0.0/8"), place)]


def test_more_networks_than_the_limit_are_not_listed(pair: Locator) -> None:
    assert pair.walk_within(parse_prefix("192.0.0.0/22"), 3) is not None
    assert pair.walk_within(parse_prefix("192.0.0.0/22"), 2) is None
    assert pair.walk_within(parse_prefix("192.0.0.0/22"), 0) is None


small = st.builds(
    lambda bits, length: Prefix(32, bits << 24, 32).widened(length),
    st.integers(0, 255),
    st.integers(1, 8),
)
networks_of = st.dictionaries(small, st.sampled_from(["SG", "DE", "JP"]), min_size=1, max_size=8)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(networks_of, networks_of, st.integers(0, 255), st.integers(0, 8))
def test_listed_networks_tile_the_prefix_and_are_true_throughout(
    first: dict[Prefix, str], second: dict[Prefix, str], start: int, length: int
) -> None:
    locator = join(
        *(mmdb_bytes({str(n): record(c) for n, c in part.items()}) for part in (first, second))
    )
    prefix = Prefix(32, start << 24, 32).widened(length)
    found = locator.walk_within(prefix, 1000)
    assert found is not None
    assert found[0].network.contains(prefix) or prefix.contains(found[0].network)
    end = found[0].network.address
    for network, place in found:
        assert network.address == end
        end += 1 << (32 - network.length)
        for block in range(network.address >> 24, max((end >> 24), (network.address >> 24) + 1)):
            inside = locator.locate(Prefix(32, block << 24, 32))
            # Equal but for the last part: a network within it never says otherwise.
            assert inside == Located(place, network.length)
    assert end >= prefix.address + (1 << (32 - prefix.length))


def test_without_files_the_embedded_cities_serve() -> None:
    locator = Locator.open([])
    assert answer(locator, "8.8.8.8")[0] == "US"
    assert answer(locator, "2a00:1450:4001::1")[0] is not None
    (described,) = locator.describe()
    assert described["type"] == "DBIP-City-Lite"
    assert "https://db-ip.com" in str(described["attribution"])


def test_a_damaged_installation_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "SHA256", "0" * 64)
    with pytest.raises(GeoError, match="not the one that was shipped"):
        Locator.embedded()


def test_opening_walks_each_file(corpus: Path, tmp_path: Path) -> None:
    broken = corpus / "GeoIP2-City-Test-Broken-Double-Format.mmdb"
    good = corpus / "GeoLite2-City-Test.mmdb"
    with pytest.raises(GeoError, match="is damaged"):
        Locator.open([good, broken], stamps=tmp_path)
    assert len(Locator.open([good, broken], walked=False).databases) == 2
    (described,) = Locator.open([good], stamps=tmp_path).describe()
    assert described["networks"] == 242
    assert described["attribution"] == MAXMIND
    assert described["built"] == "2026-02-04"


async def test_loading_keeps_the_event_loop_and_tells_progress(corpus: Path) -> None:
    seen: list[tuple[str, float]] = []
    paths = [corpus / "GeoLite2-City-Test.mmdb", corpus / "GeoIP2-Country-Test.mmdb"]
    locator = await Locator.load(paths, progress=lambda p, part: seen.append((p.name, part)))
    assert len(locator.databases) == 2
    assert {name for name, part in seen if part == 1.0} == {path.name for path in paths}
    assert answer(await Locator.load([]), "8.8.8.8")[0] == "US"


def test_an_attribution_file_beside_a_database_wins(tmp_path: Path) -> None:
    path = write_mmdb(tmp_path / "dbip-city-ipv4.mmdb", {"10.0.0.0/8": record("SG")})
    assert Locator.open([path], walked=False).describe()[0]["attribution"] == DBIP
    (tmp_path / "dbip-city-ipv4.mmdb.attribution.txt").write_text("By someone.\n")
    assert Locator.open([path], walked=False).describe()[0]["attribution"] == "By someone."


def test_a_second_locator_serves_beside_the_first(tmp_path: Path) -> None:
    path = write_mmdb(tmp_path / "city.mmdb", {"10.0.0.0/8": record("SG")})
    old = Locator.open([path], walked=False)
    write_mmdb(path, {"10.0.0.0/8": record("DE")})
    new = Locator.open([path], walked=False)
    assert answer(old, "10.0.0.1") == ("SG", 8)
    assert answer(new, "10.0.0.1") == ("DE", 8)
    old.close()
    assert answer(new, "10.0.0.1") == ("DE", 8)


def _ask(locator: Locator) -> tuple[str | None, int]:
    return answer(locator, "10.0.0.1")


def test_a_worker_process_serves_the_same_bytes_though_the_file_is_gone(tmp_path: Path) -> None:
    path = write_mmdb(tmp_path / "city.mmdb", {"10.0.0.0/8": record("SG")})
    locator = Locator.open([path], walked=False)
    path.unlink()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_ask, (locator,)) == ("SG", 8)


def _pickled_elsewhere(path: Path) -> bytes:
    """A locator pickled by a process that has ended since, and its memory file with it."""
    code = (
        "import pickle, sys; from pathlib import Path; from resolverd.geo.locator import Locator;"
        "sys.stdout.buffer.write(pickle.dumps(Locator.open([Path(sys.argv[1])], walked=False)))"
    )
    return subprocess.run(
        [sys.executable, "-c", code, str(path)],
        check=True,
        capture_output=True,
        cwd=Path(__file__).parents[2],
    ).stdout


def test_a_pickle_falls_back_on_the_file_while_it_has_the_same_bytes(tmp_path: Path) -> None:
    path = write_mmdb(tmp_path / "city.mmdb", {"10.0.0.0/8": record("SG")})
    packed = _pickled_elsewhere(path)
    assert answer(pickle.loads(packed), "10.0.0.1") == ("SG", 8)
    write_mmdb(path, {"10.0.0.0/8": record("DE")})
    with pytest.raises(GeoError, match="replaced since it was opened"):
        pickle.loads(packed)


def test_the_embedded_locator_pickles() -> None:
    assert answer(pickle.loads(pickle.dumps(Locator.embedded())), "8.8.8.8")[0] == "US"


def test_unreadable_records_are_counted_over_all_databases() -> None:
    bad: Record = {"country_code": "SG", "latitude": 99.0, "longitude": 0.0}
    locator = join(*[mmdb_bytes({"10.0.0.0/8": bad})] * 2)
    assert answer(locator, "10.0.0.1") == (None, 8)
    assert locator.unreadable == 2


@pytest.mark.parametrize(
    ("first", "second", "parts"),
    [
        pytest.param(
            {"country_code": "", "latitude": 51.5, "longitude": -0.1},
            {"country_code": "DE", "latitude": 50.0, "longitude": 8.0},
            ((51.5, -0.1), "DE", "EU"),
            id="a location alone does not hide the country",
        ),
        pytest.param(
            {"country_code": "EU"},
            {"country_code": "", "latitude": 50.0, "longitude": 8.0},
            ((50.0, 8.0), None, "EU"),
            id="a continent, then a location",
        ),
        pytest.param(
            {"country_code": "SG", "latitude": 0, "longitude": 0},
            {"country_code": "DE", "latitude": 50.0, "longitude": 8.0},
            ((1.35, 103.82), "SG", "AS"),
            id="a country that is known is not asked for again",
        ),
        pytest.param({"country_code": "EU"}, {}, (None, None, "EU"), id="a continent is all"),
    ],
)
def test_a_place_is_put_together_part_by_part(first: Record, second: Record, parts: object) -> None:
    locator = join(
        mmdb_bytes({"10.0.0.0/8": first}, "city ipv4"),
        mmdb_bytes({"10.0.0.0/9": second, "11.0.0.0/8": record("SG")}, "city ipv4"),
    )
    place, length = locator.locate(host_prefix("10.0.0.1"))
    assert place is not None
    assert (place.point, place.country, place.continent) == parts
    assert length == (8 if place.country == "SG" else 9)
