"""Records of both layouts become places; wrong ones are told apart from empty ones."""

from __future__ import annotations

from typing import Any

import pytest

from resolverd.geo.layout import Layout, layout_of, read_place
from resolverd.geo.place import Place

LONDON = {"latitude": 51.5, "longitude": -0.1}


@pytest.mark.parametrize(
    ("database_type", "layout"),
    [
        ("GeoLite2-City", Layout.CITY),
        ("DBIP-City-Lite", Layout.CITY),
        ("GeoIP2-City-Shield", Layout.CITY),
        ("GeoIP2-Precision-Enterprise", Layout.CITY),
        ("GeoLite2-Country", Layout.COUNTRY),
        ("DBIP-Country-Lite", Layout.COUNTRY),
        ("city ipv4", Layout.FLAT),
        ("country ipvAll", Layout.FLAT),
        ("GeoLite2-ASN", Layout.ASN),
        ("GeoIP2-ISP", Layout.ASN),
        ("DBIP-ASN-Lite (compat=GeoLite2-ASN)", Layout.ASN),
        ("asn ipv4", Layout.ASN),
        ("casnet", None),
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
            Place(1.35, 103.82, "SG", "AS", "db"),
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
            Place(1.35, 103.82, "SG", "AS", "db"),
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
            Layout.FLAT,
            {"country_code": "SG", "latitude": "0", "longitude": "0.0"},
            Place(1.35, 103.82, "SG", "AS", "db"),
            id="0 N 0 E beside a country",
        ),
        pytest.param(
            Layout.CITY,
            {"country": {"iso_code": "SG"}, "location": {"latitude": 0, "longitude": 0}},
            Place(1.35, 103.82, "SG", "AS", "db"),
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
        (Layout.CITY, {"location": {"latitude": 1.0}}),
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
