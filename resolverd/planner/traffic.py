"""Traffic by place, from a CSV: `where,share`, and a name if there is one.

`where` is a prefix (``192.0.2.0/24``), a country (``DE``), or a point (``50.1 8.7``, with a country
behind it if it is known). A share is in any unit: queries, users, per cent.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from resolverd.dns.prefix import Prefix, parse_prefix
from resolverd.errors import ConfigError, Problem
from resolverd.files.reading import read_file
from resolverd.geo.countries import countries
from resolverd.geo.distance import Coordinates

_LARGEST = 64 << 20
_HEADER = "where,share"
_HINT = "write a line such as 192.0.2.0/24,12.5 or DE,30 or 50.1 8.7 DE,8"


class Traffic(NamedTuple):
    """One line: either a prefix, or a point with its country if that is known."""

    name: str
    prefix: Prefix | None
    point: Coordinates | None
    country: str | None
    weight: float


def read_traffic(path: Path) -> list[Traffic]:
    """Every line of the file. Raises ConfigError with all that is wrong, by line."""
    problems: list[Problem] = []
    found: list[Traffic] = []
    rows = list(csv.reader(_text(path).splitlines()))
    for number, row in enumerate(rows, 1):
        if not row or row[0].startswith("#") or (number == 1 and row[:2] == _HEADER.split(",")):
            continue
        try:
            found.append(_line(row))
        except ValueError as error:
            problems.append(Problem(str(path), number, 0, "traffic-line", str(error), _HINT))
    if not problems and not sum(line.weight for line in found):
        problems.append(Problem(str(path), 0, 0, "traffic-empty", "it has no traffic", _HINT))
    if problems:
        raise ConfigError(problems)
    return found


def _text(path: Path) -> str:
    try:
        return read_file(path, _LARGEST).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = f"cannot be read: {error}"
        raise ConfigError(
            [Problem(str(path), 0, 0, "traffic-unreadable", reason, _HINT)]
        ) from error


def _line(row: Sequence[str]) -> Traffic:
    cells = [cell.strip() for cell in row]
    if len(cells) not in {2, 3}:
        raise ValueError(f"{len(cells)} columns instead of {_HEADER}")
    try:
        weight = float(cells[1].removesuffix("%"))
    except ValueError:
        weight = math.nan
    if not 0 <= weight < math.inf:
        raise ValueError(f'"{cells[1]}" is not a share')
    name = cells[2] if len(cells) == 3 and cells[2] else cells[0]
    return _where(name, cells[0], weight)


def _where(name: str, where: str, weight: float) -> Traffic:
    if "/" in where:
        return Traffic(name, parse_prefix(where), None, None, weight)
    words = where.split()
    if len(words) == 1 and (known := countries().get(where.upper())):
        point = (known.latitude, known.longitude)
        return Traffic(name, None, point, where.upper(), weight)
    try:
        north, east = float(words[0]), float(words[1])
    except (ValueError, IndexError):
        raise ValueError(f'"{where}" is no prefix, no country and no point') from None
    country = words[2].upper() if len(words) > 2 else None
    if not (-90 <= north <= 90 and -180 <= east <= 180) or len(words) > 3:
        raise ValueError(f'"{where}" is no point: latitude and longitude in degrees, a country')
    return Traffic(name, None, (north, east), country, weight)
