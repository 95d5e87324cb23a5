"""Records of both layouts become places; wrong ones are told apart from empty ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from resolverd.geo.countries import countries
from resolverd.geo.layout import DOUBT_RADIUS, Layout, layout_of, read_place
from resolverd.geo.place import Place

LONDON = {"latitude": 51.5, "longitude": -0.1}
SINGAPORE = Place(1.35, 103.82, "SG", "AS", "db")
HOLE = replace(SINGAPORE, doubt="its record has no point")


@pytest.mark.parametrize(
    ("database_type", "layout"),
    [
        ("GeoLite2-City", Layout.CITY),
        ("DBIP-City-Lite", Layout.CITY),
        ("GeoIP2-City-Shield", Layout.CITY),
        ("GeoIP2-Precision-Enterprise", Layout.CITY),
        ("GeoLite2-Country", Layout.COUNTRY),
        ("DBIP-Country-Lite", Layout.COUNTRY),
        ("DBIP-Location (compat=City)", Layout.CITY),
        ("DBIP-Location-ISP (compat=Enterprise)", Layout.CITY),
        ("IP2LITE-City", Layout.CITY),
        ("IP2LITE-Country", Layout.COUNTRY),
        ("IP2Location-LITE-DB11", Layout.CITY),
        ("IP2LOCATION-LITE-DB1", Layout.COUNTRY),
        ("IP2Location-DB2", Layout.COUNTRY),
        ("ipinfo bundle_location_lite.mmdb", Layout.IPINFO),
        ("ipinfo bundle_location_core_sample.mmdb", Layout.IPINFO),
        ("ipinfo bundle_location_plus.mmdb", Layout.IPINFO),
        ("ipinfo standard_location.mmdb", Layout.IPINFO),
        ("ipinfo standard_location_mmdb_v4.mmdb", Layout.IPINFO),
        ("ipinfo extended_location_v2.mmdb", Layout.IPINFO),
        ("ipinfo ip_geolocation_sample.mmdb", Layout.IPINFO),
        ("ipinfo generic_country.mmdb", Layout.IPINFO),
        ("ipinfo generic_country_free_country_asn.mmdb", Layout.IPINFO),
        ("ipinfo country_asn.mmdb", Layout.IPINFO),
        ("ipinfo lite.mmdb", Layout.IPINFO),
        ("city ipv4", Layout.FLAT),
        ("geolite2-city ipv6", Layout.FLAT),
        ("country ipvAll", Layout.FLAT),
        ("GeoLite2-ASN", Layout.ASN),
        ("GeoIP2-ISP", Layout.ASN),
        ("DBIP-ASN-Lite (compat=GeoLite2-ASN)", Layout.ASN),
        ("asn ipv4", Layout.ASN),
        ("casnet", None),
        ("IP2LITE-ASN", Layout.ASN),
        ("IP2Proxy-LITE-PX11", None),
        ("ipinfo generic_asn_free.mmdb", Layout.ASN),
        ("ipinfo standard_privacy.mmdb", None),
        ("ipinfo standard_company.mmdb", None),
        ("", None),
    ],
)
def test_the_type_tells_the_layout(database_type: str, layout: Layout | None) -> None:
    assert layout_of(database_type) is layout


@pytest.mark.parametrize(
    ("layout", "record", "place"),
    [
        pytest.param(
            Layout.CITY,
            {"location": LONDON, "country": {"iso_code": "GB"}, "continent": {"code": "EU"}},
            Place(51.5, -0.1, "GB", "EU", "db"),
            id="nested city",
        ),
        pytest.param(
            Layout.CITY, {"location": LONDON}, Place(51.5, -0.1, None, None, "db"), id="no country"
        ),
        pytest.param(
            Layout.CITY,
            {"country": {"iso_code": "SG"}},
            replace(SINGAPORE, doubt="its record has no point"),
            id="a city record with only a country takes the country's point",
        ),
        pytest.param(
            Layout.CITY,
            {"registered_country": {"iso_code": "SG"}},
            None,
            id="where an ISP is registered is not where its client is",
        ),
        pytest.param(Layout.CITY, {}, None, id="empty"),
        pytest.param(
            Layout.COUNTRY,
            {"country": {"iso_code": "SG", "names": {"en": "Singapore"}}},
            Place(1.35, 103.82, "SG", "AS", "db"),
            id="nested country",
        ),
        pytest.param(
            Layout.FLAT,
            {"country_code": "SG"},
            Place(1.35, 103.82, "SG", "AS", "db"),
            id="flat country",
        ),
        pytest.param(
            Layout.FLAT,
            {"country_code": "GB", **LONDON, "city": "London", "state1": "England"},
            Place(51.5, -0.1, "GB", "EU", "db"),
            id="flat city",
        ),
        pytest.param(
            Layout.FLAT,
            {"country_code": "GB", "latitude": "51.5", "longitude": "-0.1"},
            Place(51.5, -0.1, "GB", "EU", "db"),
            id="coordinates as text",
        ),
        pytest.param(
            Layout.FLAT,
            {"country_code": "SG", "latitude": "", "longitude": ""},
            HOLE,
            id="coordinates as empty text",
        ),
        pytest.param(
            Layout.FLAT, {"country_code": "ZZ", "latitude": 0, "longitude": 0}, None, id="reserved"
        ),
        pytest.param(
            Layout.FLAT,
            {"country_code": "EU", **LONDON},
            Place(51.5, -0.1, None, "EU", "db"),
            id="a code that is no country, and is a continent's",
        ),
        pytest.param(
            Layout.CITY,
            {"continent": {"code": "EU"}},
            Place(None, None, None, "EU", "db"),
            id="a continent alone",
        ),
        pytest.param(
            Layout.CITY,
            {"continent": {"code": "EU"}, "registered_country": {"iso_code": "US"}},
            Place(None, None, None, "EU", "db"),
            id="a continent, and where the ISP is registered",
        ),
        pytest.param(
            Layout.FLAT,
            {"country_code": "EU", "latitude": "", "longitude": ""},
            Place(None, None, None, "EU", "db"),
            id="a code that is a continent's, alone",
        ),
        pytest.param(
            Layout.CITY,
            {"continent": {"code": "EU"}, "location": {"latitude": 0.0, "longitude": -0.0}},
            Place(None, None, None, "EU", "db"),
            id="0 N 0 E beside a continent",
        ),
        pytest.param(
            Layout.CITY,
            {"country": {"iso_code": "SG"}, "location": {"latitude": 1.0}},
            HOLE,
            id="half a point beside a country",
        ),
        pytest.param(Layout.CITY, {"location": {"longitude": 1.0}}, None, id="half a point"),
        pytest.param(
            Layout.FLAT, {"country_code": "", "latitude": "", "longitude": "3"}, None, id="half"
        ),
        pytest.param(
            Layout.FLAT, {"country_code": "-", "latitude": "-", "longitude": "-"}, None, id="dashes"
        ),
        pytest.param(Layout.FLAT, {"country_code": "AP"}, None, id="Asia and the Pacific"),
        pytest.param(
            Layout.CITY,
            {"country": {"iso_code": "DE"}, "represented_country": {"iso_code": "US"}},
            Place(50.8, 9.2, "DE", "EU", "db", doubt="its record has no point"),
            id="a base of another country stands where it stands",
        ),
        pytest.param(
            Layout.IPINFO,
            {"country": "GB", "lat": "51.50853", "lng": "-0.12574", "city": "London"},
            Place(51.50853, -0.12574, "GB", "EU", "db"),
            id="ipinfo standard_location",
        ),
        pytest.param(
            Layout.IPINFO,
            {"country": "JP", "latitude": "35.4", "longitude": "139.65", "radius": "50"},
            Place(35.4, 139.65, "JP", "AS", "db", radius=50.0),
            id="ipinfo extended_location",
        ),
        pytest.param(
            Layout.IPINFO,
            {"country": "Singapore", "country_code": "SG", "continent": "Asia", "asn": "AS13335"},
            replace(SINGAPORE, asn=13335),
            id="ipinfo lite",
        ),
        pytest.param(
            Layout.IPINFO,
            {"country": "SG", "country_name": "Singapore", "continent": "AS", "as_name": ""},
            SINGAPORE,
            id="ipinfo country_asn",
        ),
        pytest.param(
            Layout.IPINFO,
            {"country": "SG", "continent": "AS", "asn": "AS13335"},
            replace(SINGAPORE, asn=13335),
            id="ipinfo country_asn with a number",
        ),
        pytest.param(
            Layout.IPINFO,
            {"country": "", "continent": "", "asn": "AS13335"},
            Place(None, None, None, None, "db", 13335),
            id="ipinfo country_asn, a number alone",
        ),
        pytest.param(
            Layout.IPINFO,
            {"country": "SG", "asn": {"asn": "AS13335"}},
            SINGAPORE,
            id="ipinfo, an odd number spoils no place",
        ),
        pytest.param(
            Layout.IPINFO,
            {"country": "", "continent": "EU", "lat": "", "lng": ""},
            Place(None, None, None, "EU", "db"),
            id="ipinfo, a continent alone",
        ),
        pytest.param(
            Layout.FLAT,
            {"country_code": "SG", "latitude": "0", "longitude": "0.0"},
            HOLE,
            id="0 N 0 E beside a country",
        ),
        pytest.param(
            Layout.CITY,
            {"country": {"iso_code": "SG"}, "location": {"latitude": 0, "longitude": 0}},
            HOLE,
            id="0 N 0 E beside a nested country",
        ),
    ],
)
def test_a_record_becomes_its_place(
    layout: Layout, record: dict[str, Any], place: Place | None
) -> None:
    assert read_place(layout, record, "db") == place


@pytest.mark.parametrize(
    ("layout", "record"),
    [
        (Layout.CITY, "text"),
        (Layout.CITY, ["a", "list"]),
        (Layout.CITY, {"location": "London"}),
        (Layout.CITY, {"location": [1, 2]}),
        (Layout.CITY, {"location": {"latitude": 500.0, "longitude": 1.0}}),
        (Layout.CITY, {"location": {"latitude": float("nan"), "longitude": 1.0}}),
        (Layout.CITY, {"country": {"iso_code": 7}}),
        (Layout.CITY, {"country": {"locales": []}}),
        (Layout.COUNTRY, {"country": ["DE"]}),
        (Layout.FLAT, {"country_code": ["DE"]}),
        (Layout.FLAT, {"country_code": "DE", "latitude": "north", "longitude": "1"}),
        (Layout.FLAT, {"country_code": "DE", "latitude": True, "longitude": 1}),
        (Layout.FLAT, {"country_code": "DE", "latitude": 1, "longitude": -180.1}),
    ],
)
def test_a_record_of_another_shape_is_an_error(layout: Layout, record: object) -> None:
    with pytest.raises(ValueError, match=r"a (record|coordinate|code)|could not convert"):
        read_place(layout, record, "db")


US = Place(39.8, -86.0, "US", "NA", "db")
KANSAS = {"latitude": 37.751, "longitude": -97.822}
DENVER = {"latitude": 39.74, "longitude": -104.99}
NESTED_US = {"country": {"iso_code": "US"}, "continent": {"code": "NA"}}


@pytest.mark.parametrize(
    ("layout", "record", "place"),
    [
        pytest.param(
            Layout.CITY,
            {**NESTED_US, "location": {**KANSAS, "accuracy_radius": 1000}},
            replace(US, radius=1000.0, doubt="its point is a guess"),
            id="a radius of a thousand kilometres",
        ),
        pytest.param(
            Layout.CITY,
            {**NESTED_US, "location": {**DENVER, "accuracy_radius": DOUBT_RADIUS}},
            replace(US, radius=DOUBT_RADIUS, doubt="its point is a guess"),
            id="the least radius",
        ),
        pytest.param(
            Layout.CITY,
            {**NESTED_US, "location": {**DENVER, "accuracy_radius": 499}},
            Place(39.74, -104.99, "US", "NA", "db", radius=499.0),
            id="less than that",
        ),
        pytest.param(
            Layout.CITY,
            {**NESTED_US, "location": KANSAS},
            replace(US, doubt="37.75, -97.82 stands for all of US"),
            id="the middle of the country, without a radius",
        ),
        pytest.param(
            Layout.CITY,
            {**NESTED_US, "location": KANSAS, "city": {"names": {"en": "Potwin"}}},
            Place(37.751, -97.822, "US", "NA", "db"),
            id="a city in the middle of the country",
        ),
        pytest.param(
            Layout.FLAT,
            {"country_code": "US", **DENVER, "city": "", "state1": ""},
            replace(US, doubt="39.74, -104.99 stands for all of US"),
            id="no city where the others have one",
        ),
        pytest.param(
            Layout.FLAT,
            {"country_code": "US", **DENVER, "city": "", "state1": "Colorado"},
            Place(39.74, -104.99, "US", "NA", "db"),
            id="no city, but a state",
        ),
        pytest.param(
            Layout.FLAT,
            {"country_code": "US", **DENVER},
            Place(39.74, -104.99, "US", "NA", "db"),
            id="a database without cities' names",
        ),
        pytest.param(
            Layout.CITY,
            {**NESTED_US, "location": DENVER, "traits": {"is_anycast": True}},
            replace(US, doubt="anycast: it is in many places"),
            id="anycast",
        ),
        pytest.param(
            Layout.COUNTRY,
            {**NESTED_US, "traits": {"is_anycast": True}},
            replace(US, doubt="anycast: it is in many places"),
            id="anycast in a database of countries",
        ),
        pytest.param(
            Layout.IPINFO,
            {"country_code": "US", **DENVER, "city": "Denver", "is_anycast": True},
            replace(US, doubt="anycast: it is in many places"),
            id="anycast as ipinfo has it",
        ),
        pytest.param(
            Layout.CITY,
            {**NESTED_US, "location": LONDON},
            replace(US, doubt="51.50, -0.10 is far from US"),
            id="a point in another country, far away",
        ),
        pytest.param(
            Layout.CITY,
            {"location": {**DENVER, "accuracy_radius": 1000}, "continent": {"code": "NA"}},
            Place(None, None, None, "NA", "db"),
            id="a guess without a country",
        ),
        pytest.param(
            Layout.CITY, {"location": {**DENVER, "accuracy_radius": 1000}}, None, id="a guess alone"
        ),
        pytest.param(
            Layout.CITY,
            {**NESTED_US, "location": {**DENVER, "accuracy_radius": "wide"}, "traits": ["odd"]},
            Place(39.74, -104.99, "US", "NA", "db"),
            id="a radius that is none does not spoil the point",
        ),
        pytest.param(Layout.COUNTRY, NESTED_US, US, id="a database of countries is not in doubt"),
        pytest.param(Layout.FLAT, {"country_code": "US"}, US, id="nor a flat one"),
    ],
)
def test_a_point_that_says_no_more_than_the_country_is_doubted(
    layout: Layout, record: dict[str, Any], place: Place | None
) -> None:
    assert read_place(layout, record, "db") == place


@pytest.mark.parametrize("code", sorted(countries()))
def test_a_country_reaches_its_own_people_and_its_centres(code: str) -> None:
    country = countries()[code]
    assert country.reaches(country.latitude, country.longitude)
    for centre in country.centres:
        assert country.reaches(*centre)
        assert country.is_centre(*centre)
        assert not country.is_centre(centre[0] + 0.01, centre[1])


@pytest.mark.parametrize(
    ("code", "point", "reached"),
    [
        ("US", (61.2, -149.9), True),
        ("US", (21.3, -157.9), True),
        ("US", (51.88, -176.65), True),
        ("US", (50.1, 8.7), False),
        ("RU", (64.4, -173.2), True),
        ("RU", (54.7, 20.5), True),
        ("RU", (37.8, -122.4), False),
        ("FJ", (-16.8, -179.9), True),
        ("FJ", (-16.8, 100.0), False),
        ("FR", (42.0, 9.1), True),
        ("FR", (-21.1, 55.5), False),
    ],
)
def test_a_reach_goes_over_the_antimeridian(
    code: str, point: tuple[float, float], reached: bool
) -> None:
    assert countries()[code].reaches(*point) is reached
