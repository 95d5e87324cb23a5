"""ISO 3166-1 alpha-2: the codes that are assigned, and what is written in place of one.

A code that nobody has is a country without clients, and a pin of it no pin at all.
"""

from __future__ import annotations

_ASSIGNED = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ
BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM
DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS
GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN
KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ
MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM
PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV
SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI
VN VU WF WS XK YE YT ZA ZM ZW
"""
CODES = frozenset(_ASSIGNED.split())
"""Every assigned code, and XK, which databases give to Kosovo."""

# Reserved, withdrawn, and used elsewhere: what each is written as here.
_MEANT = {
    "UK": '"GB", the United Kingdom',
    "EN": '"GB", the United Kingdom',
    "EL": '"GR", Greece',
    "EU": 'continents = ["EU"], or the countries one by one',
    "AP": 'continents = ["AS"], or the countries one by one',
    "AC": '"SH", Saint Helena and Ascension',
    "TA": '"SH", Saint Helena and Tristan da Cunha',
    "AN": '"BQ", "CW" and "SX", once the Netherlands Antilles',
    "BU": '"MM", once Burma',
    "CP": '"FR", of which Clipperton is',
    "CS": '"RS" and "ME", or "CZ" and "SK"',
    "CT": '"CY", Cyprus',
    "DD": '"DE", Germany',
    "DG": '"IO", the British Indian Ocean Territory',
    "EA": '"ES", Spain',
    "FX": '"FR", France',
    "IC": '"ES", Spain',
    "SU": '"RU", or another country that was in the Soviet Union',
    "TP": '"TL", once East Timor',
    "YU": '"RS" and "ME", once Yugoslavia',
    "ZR": '"CD", once Zaire',
}


# What stands for several countries, where one has to be written.
_ONE = {
    "EU": 'the country that it is in, such as "DE"',
    "AP": 'the country that it is in, such as "JP"',
}


def one_country(value: str) -> str:
    """`country`, of an option that takes one country and no list of them."""
    code = value.upper()
    if code in _MEANT:
        meant = _ONE.get(code) or _MEANT[code].replace('" and "', '" or "')
        raise ValueError(f'no country has the code "{value}"; write {meant}')
    return country(value)


def country(value: str) -> str:
    """`value`, if it is an assigned code. Raises ValueError that says what to write."""
    if value in CODES:
        return value
    code = value.upper()
    if code in CODES:
        raise ValueError(f'"{value}" is not in capitals; write "{code}"')
    if code in _MEANT:
        raise ValueError(f'no country has the code "{value}"; write {_MEANT[code]}')
    hint = 'write "DE" for Germany, or another ISO 3166-1 alpha-2 code'
    raise ValueError(f'no country has the code "{value}"; {hint}')
