"""A country that no database has is no pin, and a region far from its country is turned round."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmdb_writer import Record, mmdb_bytes

from resolverd.config.countries import CODES
from resolverd.config.load import load_config
from resolverd.errors import ConfigError
from resolverd.geo.countries import countries
from resolverd.geo.database import Database
from resolverd.geo.locator import Locator, Provenance
from resolverd.snapshot.place_checks import check_places

CONFIG = """\
[server]
coordinates = [50.1, 8.7]
[region.a]
coordinates = {coordinates}
country = "{country}"
endpoint = [{{address = ["192.0.2.10"], url = "http://192.0.2.10"}}]
[service.s]
regions = ["a"]
[pin.p]
regions = ["a"]
countries = {pinned}
"""


def written(
    folder: Path,
    coordinates: str = "[51.5, -0.1]",
    country: str = "GB",
    pinned: str = '["GB"]',
) -> Path:
    path = folder / "resolverd.toml"
    path.write_text(CONFIG.format(coordinates=coordinates, country=country, pinned=pinned))
    return path


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("UK", 'write "GB", the United Kingdom'),
        ("gb", 'write "GB"'),
        ("EU", 'write continents = ["EU"], or the countries one by one'),
        ("XX", 'write "DE" for Germany, or another ISO 3166-1 alpha-2 code'),
        ("AN", 'write "BQ", "CW" and "SX", once the Netherlands Antilles'),
        ("GBR", 'write "DE" for Germany, or another ISO 3166-1 alpha-2 code'),
    ],
)
def test_a_code_that_no_country_has_is_refused(tmp_path: Path, code: str, hint: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_config(written(tmp_path, pinned=f'["{code}"]'))
    [problem] = refused.value.problems
    assert (problem.id, problem.line, problem.hint) == ("config-value", 11, hint)


def test_the_codes_are_those_of_the_countries_that_places_are_in() -> None:
    assert countries().keys() == CODES


class Databases(Locator):
    """Databases in which no network is in Antarctica."""

    def __init__(self) -> None:
        super().__init__(())

    def may_know(self, codes: object) -> set[str]:
        return set(CODES) - {"AQ"}


def test_a_country_that_no_network_is_in_is_warned_of(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, pinned='["GB", "AQ"]')).config
    [finding] = check_places(config, Databases())
    assert (finding.path, finding.check, finding.severity) == (
        ("pin", "p", "countries", 1), "config-pin-absent-country", "warning",
    )  # fmt: skip


class Unasked(Databases):
    """Databases that must not be asked for autonomous systems: that may take all of them."""

    @property
    def tells_asns(self) -> bool:
        raise AssertionError


def test_autonomous_systems_are_asked_for_only_where_something_goes_by_them(tmp_path: Path) -> None:
    config = load_config(written(tmp_path)).config
    assert list(check_places(config, Unasked())) == []


def test_the_embedded_database_has_the_countries_that_it_has() -> None:
    assert Locator.embedded().may_know(["GB", "US", "QQ", "UK"]) == {"GB", "US"}


@pytest.mark.parametrize(
    ("coordinates", "country", "hint"),
    [
        ("[-77.5, 39.0]", "US", "write coordinates = [39, -77.5]: latitude comes first"),
        ("[8.7, 50.1]", "DE", "write coordinates = [50.1, 8.7]: latitude comes first"),
        ("[-0.1, 51.5]", "GB", "write coordinates = [51.5, -0.1]: latitude comes first"),
        ("[51.5, -0.1]", "GB", None),
        ("[21.3, -157.9]", "US", None),
        ("[-31.9, 115.9]", "AU", None),
        ("[43.1, 131.9]", "RU", None),
        ("[1.3, 103.8]", "SG", None),
    ],
)
def test_coordinates_the_wrong_way_round_are_warned_of(
    tmp_path: Path, coordinates: str, country: str, hint: str | None
) -> None:
    config = load_config(written(tmp_path, coordinates, country)).config
    found = [finding.hint for finding in check_places(config, Locator.embedded())]
    assert found == ([] if hint is None else [hint])


def test_coordinates_that_are_none_but_the_other_way_round_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        load_config(written(tmp_path, "[-122.4, 37.8]", "US"))
    [problem] = refused.value.problems
    hint = "write coordinates = [37.8, -122.4]: latitude comes first"
    assert (problem.line, problem.hint) == (4, hint)


@pytest.mark.parametrize(
    ("record", "warned"),
    [({"country": "GB", "asn": "AS64500"}, False), ({"country": "GB", "as_name": "x"}, True)],
)
def test_a_pin_by_a_number_that_no_record_tells_is_warned_of(
    tmp_path: Path, record: Record, warned: bool
) -> None:
    path = written(tmp_path)
    path.write_text(path.read_text() + "asn = [64500]\n")
    kind = "ipinfo generic_country_free_country_asn.mmdb"
    database = Database.of(mmdb_bytes({"1.0.0.0/8": record}, kind), "it")
    locator = Locator([(Provenance(Path("it"), None), database)])
    found = [finding.check for finding in check_places(load_config(path).config, locator)]
    assert ("config-asn-unknown" in found) == warned
