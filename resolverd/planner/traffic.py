"""Traffic by place, from a CSV with a header: ``where,share``, and ``name`` if there is one.

`where` is a prefix (``192.0.2.0/24``), a country (``DE``), or a point (``50.1 8.7``, with a country
behind it if it is known). A share is in any unit: queries, users, per cent.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from resolverd.dns.prefix import Prefix, parse_prefix
from resolverd.errors import ConfigError, Problem
from resolverd.geo.countries import countries
from resolverd.geo.distance import Coordinates
from resolverd.planner.lists import number, read_rows


class Traffic(NamedTuple):
    """One line: either a prefix, or a point with its country if that is known."""

    name: str
    prefix: Prefix | None
    point: Coordinates | None
    country: str | None
    weight: float


def read_traffic(path: Path) -> list[Traffic]:
    """Every line of the file. Raises ConfigError with all that is wrong, by line."""
    found = read_rows(path, ("where", "share"), _line, ("name",))
    if not sum(line.weight for line in found):
        hint = "write a line such as 192.0.2.0/24,12.5 or DE,30 or 50.1 8.7 DE,8"
        raise ConfigError([Problem(str(path), 0, 0, "plan-file", "it has no traffic", hint)])
    return found


def _line(row: Mapping[str, str]) -> Traffic:
    where = row["where"]
    weight = number(row["share"].removesuffix("%"), "share", 0, 1e18)
    name = row.get("name") or where
    if "/" in where:
        return Traffic(name, parse_prefix(where), None, None, weight)
    point, country = where_is(where)
    return Traffic(name, None, point, country, weight)


def where_is(where: str) -> tuple[Coordinates, str | None]:
    """``DE``, ``50.1 8.7`` or ``50.1 8.7 DE`` as a point and a country. Raises ValueError."""
    words = where.split()
    code = words[-1].upper() if len(words) in {1, 3} else None
    known = countries().get(code or "")
    if len(words) == 1 and known:
        return (known.latitude, known.longitude), code
    if len(words) not in {2, 3} or (code and not known):
        raise ValueError(f'"{where}" is no prefix, no country and no point')
    north = number(words[0], "latitude", -90, 90)
    east = number(words[1], "longitude", -180, 180)
    return (north, east), code
