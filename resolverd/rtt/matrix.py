"""A matrix of measured times between places, as users have it from a fleet of probes.

    places.csv: id,city,country,latitude,longitude       in any order, other columns are ignored
    rtt.csv:    from,to,min_ms[,mean_ms]                 `ms` in place of `min_ms` will do

`country` is a code or an English name. Of a pair that was measured several times the least counts;
one that was measured in one direction only counts for both.
"""

from __future__ import annotations

import csv
import io
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from resolverd.errors import Problem, ProblemsError
from resolverd.files.reading import MAX_TABLE, read_file
from resolverd.geo.countries import countries
from resolverd.geo.distance import Coordinates
from resolverd.rtt.table import MAX_MS

if TYPE_CHECKING:
    from _csv import Reader

_PLACES: Final = ("id", "city", "country", "latitude", "longitude")
_OTHER_NAMES: Final = {
    "united states": "US",
    "russia": "RU",
    "czech republic": "CZ",
    "south korea": "KR",
    "turkey": "TR",
    "taiwan": "TW",
    "vietnam": "VN",
    "tanzania": "TZ",
    "iran": "IR",
    "syria": "SY",
    "laos": "LA",
    "bolivia": "BO",
    "venezuela": "VE",
    "moldova": "MD",
    "macedonia": "MK",
    "ivory coast": "CI",
    "brunei": "BN",
    "swaziland": "SZ",
    "palestine": "PS",
}
"""What people call countries that ISO 3166 calls otherwise, in lower case."""


class City(NamedTuple):
    """One place of a matrix; `country` is a code, or the name as it was written."""

    id: str
    name: str
    country: str
    point: Coordinates


class Matrix(NamedTuple):
    """The cities by id, and the least ms from one id to another."""

    cities: Mapping[str, City]
    ms: Mapping[tuple[str, str], float]

    def time(self, client: str, region: str) -> float | None:
        """Milliseconds between them; None where that was not measured in either direction."""
        there = self.ms.get((client, region))
        return self.ms.get((region, client)) if there is None else there


def read_matrix(times: Path, places: Path) -> Matrix:
    """Both files. Raises ProblemsError with all problems; blocks."""
    problems: list[Problem] = []
    cities = {city.id: city for city in _cities(_Rows(places, _PLACES, problems))}
    ms = dict(_times(_Rows(times, ("from", "to"), problems, ("min_ms",)), cities))
    if not problems and not ms:
        problems.append(
            _problem(times, 0, f"no row is of two places of {places}", "use the same ids in both")
        )
    if problems:
        raise ProblemsError(problems)
    return Matrix(cities, ms)


def is_matrix(path: Path) -> bool:
    """Whether the header of a file is that of a matrix. False where it cannot be read."""
    try:
        header = read_file(path, MAX_TABLE)[:200].removeprefix(BOM_UTF8).splitlines()[:1]
    except OSError:
        return False
    return {b"from", b"to"} <= {
        name.strip().lower() for line in header for name in line.split(b",")
    }


class _Rows:
    """The rows of a CSV file with the columns `needed`, by name; notes problems.

    `beside` are columns that a header has beside them, some of which may go by another name.
    """

    def __init__(
        self,
        path: Path,
        needed: tuple[str, ...],
        problems: list[Problem],
        beside: tuple[str, ...] = (),
    ) -> None:
        self.path, self._needed, self._problems = path, needed, problems
        self._all = needed + beside
        self.names: list[str] = []

    def __iter__(self) -> Iterator[tuple[int, dict[str, str]]]:
        try:
            text = read_file(self.path, MAX_TABLE).decode("utf-8-sig")
        except OSError as error:
            self.wrong(0, f"cannot be read: {error.strerror or error}", "correct the path")
            return
        except UnicodeDecodeError:
            self.wrong(0, "it is not UTF-8", "save the file as UTF-8")
            return
        reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True)
        try:
            yield from self._sound(reader)
        except csv.Error as error:
            self.wrong(reader.line_num, f"is no CSV: {error}", "quote only whole cells")

    def _sound(self, reader: Reader) -> Iterator[tuple[int, dict[str, str]]]:
        self.names = [name.strip().lower() for name in next(reader, [])]
        missing = [name for name in self._needed if name not in self.names]
        if missing:
            hint = f"begin the file with the line: {','.join(self._all)}"
            self.wrong(1, f"the header lacks {', '.join(missing)}", hint)
            return
        for row in reader:
            if len(row) == len(self.names):
                yield reader.line_num, dict(zip(self.names, row, strict=True))
            elif row:
                self.wrong(
                    reader.line_num,
                    f"has {len(row)} cells, the header {len(self.names)}",
                    f"write {','.join(self.names)}",
                )

    def wrong(self, line: int, message: str, hint: str) -> None:
        """Note a problem."""
        self._problems.append(_problem(self.path, line, message, hint))


def _cities(rows: _Rows) -> Iterator[City]:
    codes = {country.name.lower(): code for code, country in countries().items()} | _OTHER_NAMES
    for line, row in rows:
        try:
            point = float(row["latitude"]), float(row["longitude"])
        except ValueError:
            point = (91.0, 0.0)
        if not (-90 <= point[0] <= 90 and -180 <= point[1] <= 180):
            rows.wrong(line, "has no coordinates", "write degrees, such as 50.1,8.7")
            continue
        written = row["country"].strip()
        code = written.upper() if len(written) == 2 else codes.get(written.lower(), written)
        yield City(row["id"].strip(), row["city"].strip(), code, point)


def _times(rows: _Rows, cities: Mapping[str, City]) -> Iterator[tuple[tuple[str, str], float]]:
    least: dict[tuple[str, str], float] = {}
    for line, row in rows:
        text = row.get("min_ms") or row.get("ms") or row.get("mean_ms") or ""
        try:
            ms = float(text)
        except ValueError:
            ms = -1.0
        if not 0 <= ms <= MAX_MS:
            rows.wrong(line, f'min_ms is "{text}"', "write milliseconds, such as 23.4")
            continue
        pair = row["from"].strip(), row["to"].strip()
        if pair[0] in cities and pair[1] in cities:
            least[pair] = min(ms, least.get(pair, MAX_MS))
    yield from least.items()


def _problem(path: Path, line: int, message: str, hint: str) -> Problem:
    return Problem(str(path), line, 1 if line else 0, "rtt-matrix", message, hint)
