"""`make cities` on a small full database: what the table keeps, puts together, and its octets."""

from __future__ import annotations

import subprocess
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmdb_writer import Record, mmdb_bytes, write_mmdb

from cities.__main__ import main, make, write
from cities.cells import SIZE, cells_of, jurisdiction
from cities.container import packed
from resolverd.dns.prefix import Prefix, parse_prefix
from resolverd.geo import embedded
from resolverd.geo.database import Database
from resolverd.geo.distance import great_circle_km
from resolverd.geo.inspection import inspect_content
from resolverd.geo.place import Located, Place

TOP = Path(__file__).parents[2]


def at(latitude: float, longitude: float, country: str, **more: object) -> Record:
    return {
        "country": {"iso_code": country},
        "location": {"latitude": latitude, "longitude": longitude},
        **more,  # type: ignore[dict-item]
    }


PARIS, LILLE, BRUSSELS = at(48.85, 2.35, "FR"), at(50.63, 3.06, "FR"), at(50.85, 4.35, "BE")
MONTROUGE, MARSEILLE = at(48.82, 2.32, "FR"), at(43.3, 5.4, "FR")
UNPLACED_CITY: Record = {"country": {"iso_code": "FR"}}


def table(tmp_path: Path, networks: Mapping[str, Record]) -> Database:
    path = write_mmdb(tmp_path / "full.mmdb", networks, "Test-City", 28, 6)
    return Database.of(make([path]), "table")


def where(database: Database, address: str) -> Located:
    prefix = parse_prefix(address)
    return database.locate(prefix.address, prefix.bits)


def point(located: Located) -> tuple[float, float] | None:
    return located.place.point if located.place else None


def test_a_city_alone_in_its_cell_keeps_its_point(tmp_path: Path) -> None:
    made = table(tmp_path, {"10.0.0.0/8": PARIS, "2001:db8::/32": BRUSSELS})
    assert point(where(made, "10.1.2.3/32")) == (48.85, 2.35)
    assert point(where(made, "2001:db8::1/128")) == (50.85, 4.35)
    assert where(made, "11.0.0.1/32").place is None


def test_two_cities_of_one_cell_are_where_most_of_its_addresses_are(tmp_path: Path) -> None:
    made = table(tmp_path, {"10.0.0.0/9": PARIS, "10.128.0.0/11": MONTROUGE})
    (near,) = {point(where(made, text)) for text in ("10.0.0.1/32", "10.128.0.1/32")}
    assert near == (48.85, 2.35)


def test_a_border_is_kept_however_near_and_small(tmp_path: Path) -> None:
    made = table(tmp_path, {"10.0.0.0/8": LILLE, "10.1.1.0/24": BRUSSELS})
    for text, country in (("10.1.0.1/32", "FR"), ("10.1.1.1/32", "BE"), ("10.1.2.1/32", "FR")):
        place = where(made, text).place
        assert place is not None
        assert place.country == country


def test_a_block_far_from_those_around_it_stays_and_one_that_is_near_joins_them(
    tmp_path: Path,
) -> None:
    new_york, honolulu = at(40.7, -74.0, "US"), at(21.3, -157.9, "US")
    made = table(tmp_path, {"10.0.0.0/8": new_york, "10.1.0.0/16": honolulu, "11.0.0.0/8": PARIS,
                            "11.1.1.0/24": LILLE})  # fmt: skip
    assert point(where(made, "10.1.0.1/32")) == (21.3, -157.9)
    assert point(where(made, "11.1.1.1/32")) == point(where(made, "11.0.0.1/32"))


def test_a_24_that_is_cut_up_is_where_its_first_address_is(tmp_path: Path) -> None:
    networks = {
        "10.0.0.0/32": MARSEILLE,
        "10.0.0.128/25": BRUSSELS,
        "10.0.1.128/25": PARIS,
        "10.0.2.0/24": LILLE,
        "10.0.2.1/32": BRUSSELS,
    }
    full = Database.of(mmdb_bytes(networks, "Test-City"), "full")
    made = table(tmp_path, networks)
    assert point(where(made, "10.0.1.0/24")) == (48.85, 2.35)
    for block in ("10.0.0.0/24", "10.0.2.0/24"):
        of_full, of_table = where(full, block), where(made, block)
        assert point(of_table) == point(of_full)
        assert of_table.length <= 24


def test_a_country_without_a_city_has_the_countrys_point(tmp_path: Path) -> None:
    made = table(tmp_path, {"10.0.0.0/8": UNPLACED_CITY, "11.0.0.0/8": PARIS})
    plain = Database.of(mmdb_bytes({"10.0.0.0/8": UNPLACED_CITY}, "Test-City"), "plain")
    here, there = where(made, "10.0.0.1/32").place, where(plain, "10.0.0.1/32").place
    assert here is not None
    assert there is not None
    assert here.country == there.country
    assert great_circle_km(here.point or (0, 0), there.point or (9, 9)) < 10


def test_the_continent_stays_as_the_source_has_it(tmp_path: Path) -> None:
    made = table(tmp_path, {"10.0.0.0/8": at(41.0, 29.0, "TR", continent={"code": "EU"})})
    place = where(made, "10.0.0.1/32").place
    assert place is not None
    assert place.continent == "EU"


def test_two_files_are_as_one_with_both_families(tmp_path: Path) -> None:
    v4, v6 = {"10.0.0.0/8": PARIS}, {"2001:db8::/32": BRUSSELS}
    one = write_mmdb(tmp_path / "one.mmdb", v4 | v6, "Test-City", 28, 6, aliases=True)
    two = [
        write_mmdb(tmp_path / "four.mmdb", v4, "Test-City", 24, 4),
        write_mmdb(tmp_path / "six.mmdb", v6, "Test-City", 32, 6),
    ]
    assert make([one]) == make(two)


def test_the_same_source_gives_the_same_octets_in_another_process(tmp_path: Path) -> None:
    networks = {f"10.{n}.0.0/16": at(n / 3 - 40, n - 120.5, "FR") for n in range(200)}
    path = write_mmdb(tmp_path / "full.mmdb", networks, "Test-City", 28, 6)
    made = make([path])
    write(made, [path], tmp_path)
    code = (
        "import sys; from pathlib import Path; from cities.__main__ import make, write; "
        "p = Path(sys.argv[1]); write(make([p]), [p], Path(sys.argv[2]))"
    )
    (tmp_path / "again").mkdir()
    for seed in ("0", "1"):
        subprocess.run(
            [sys.executable, "-c", code, str(path), str(tmp_path / "again")],
            check=True, cwd=TOP, env={"PYTHONHASHSEED": seed, "TZ": f"UTC{seed}"},
        )  # fmt: skip
        for again in (tmp_path / "again").iterdir():
            assert again.read_bytes() == (tmp_path / again.name).read_bytes()


def test_what_is_packed_is_unpacked_as_it_was_and_nothing_that_is_cut_off(tmp_path: Path) -> None:
    networks = {f"10.{n}.0.0/16": at(n / 3 - 40, n - 120.5, "FR") for n in range(200)}
    content = make([write_mmdb(tmp_path / "full.mmdb", networks, "Test-City", 28, 6)])
    assert embedded.unpacked(packed(content)) == content
    few = (1000).to_bytes(embedded.COUNT, "big") + content[:100]
    for damaged in (packed(content)[:-20], b"", zlib.compress(few)):
        with pytest.raises((EOFError, zlib.error)):
            embedded.unpacked(damaged)


def test_what_it_makes_is_sound(tmp_path: Path) -> None:
    networks = {f"10.{n}.0.0/16": at(n / 3 - 40, n - 120.5, "FR") for n in range(200)}
    path = write_mmdb(tmp_path / "full.mmdb", networks, "Test-City", 28, 6)
    report = inspect_content(make([path]), "table", lambda part: None)
    assert report.unreadable == 0
    assert report.build_epoch == 1_700_000_000


@pytest.mark.parametrize("arguments", [[], ["/nonexistent/city.mmdb"], [__file__, __file__, "3"]])
def test_it_says_what_it_takes(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "usage" in capsys.readouterr().err


def test_a_file_that_is_no_database_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([__file__]) == 1
    assert "test_cities.py" in capsys.readouterr().err


degrees = st.tuples(st.floats(-89.9, 89.9), st.floats(-179.9, 179.9))


@given(st.lists(st.tuples(degrees, st.sampled_from(["FR", "BE"]), st.floats(0, 1e6)), min_size=1))
def test_a_cell_is_of_one_country_and_no_point_moves_farther_than_a_cell_is_wide(
    drawn: list[tuple[tuple[float, float], str, float]],
) -> None:
    places = [Place(*point, country, "EU", "") for point, country, _ in drawn]
    cells = cells_of(places, [weight for _, _, weight in drawn])
    for place, number in zip(places, cells.cell_of, strict=True):
        cell = cells.places[number]
        assert jurisdiction(cell) == jurisdiction(place)
        assert cell.point is not None
        assert place.point is not None
        if abs(place.point[0]) < 80:
            # The diagonal of a cell, whose side on the equator is 111 km, and a tenth of rounding.
            assert great_circle_km(cell.point, place.point) < SIZE * 111.3 * 2**0.5 * 1.05 + 12


octets = st.integers(0, 255)


@given(st.dictionaries(octets, st.sampled_from([PARIS, LILLE, BRUSSELS, MARSEILLE]), min_size=1))
def test_no_block_gets_another_country_or_none(
    tmp_path_factory: pytest.TempPathFactory, blocks: dict[int, Record]
) -> None:
    path = tmp_path_factory.mktemp("cities") / "full.mmdb"
    networks = {f"10.0.{block}.0/24": record for block, record in blocks.items()}
    write_mmdb(path, networks, "Test-City", 24, 4)
    made = Database.of(make([path]), "table")
    for block in range(256):
        place = made.locate((10 << 24) | block << 8, 32).place
        known = blocks.get(block)
        assert (place and place.country) == (known and known["country"]["iso_code"])  # type: ignore[call-overload, index]
    assert made.locate(Prefix(32, 11 << 24, 32).address, 32).place is None
