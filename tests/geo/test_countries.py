"""The country table: complete, plausible, and close to where people are."""

from __future__ import annotations

import pytest

from resolverd.geo.countries import countries
from resolverd.geo.distance import great_circle_km

ISO_3166_1 = set(
    """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS
BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE
EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM
HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC
LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA
NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW
SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO
TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
""".split()  # noqa: SIM905 - 249 quoted strings are harder to check
)

MIDDLES = {
    "AF": (2, 20),
    "AN": (-75, 0),
    "AS": (30, 90),
    "EU": (50, 20),
    "NA": (30, -90),
    "OC": (-20, 170),
    "SA": (-15, -60),
}


def test_every_iso_code_and_kosovo_has_a_row() -> None:
    assert len(ISO_3166_1) == 249
    assert set(countries()) == ISO_3166_1 | {"XK"}


@pytest.mark.parametrize("code", sorted(countries()))
def test_a_country_lies_on_its_continent(code: str) -> None:
    country = countries()[code]
    assert country.code == code
    assert country.name
    reach = 6500 if country.continent in ("AS", "AF", "OC") else 5800
    assert great_circle_km(MIDDLES[country.continent], country[1:3]) < reach


@pytest.mark.parametrize(
    ("code", "city", "most_km"),
    [
        ("US", (40.71, -74.01), 1200),
        ("RU", (55.75, 37.62), 200),
        ("CA", (43.65, -79.38), 200),
        ("AU", (-33.87, 151.21), 400),
        ("AU", (-37.81, 144.96), 500),
        ("BR", (-23.55, -46.63), 200),
        ("IN", (19.08, 72.88), 800),
        ("CN", (31.23, 121.47), 800),
    ],
)
def test_a_large_country_is_where_its_people_are(
    code: str, city: tuple[float, float], most_km: float
) -> None:
    country = countries()[code]
    assert great_circle_km((country.latitude, country.longitude), city) < most_km
