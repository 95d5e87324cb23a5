"""Tables of measured round-trip times: CSV files in, `Samples` out, every problem at once.

    where,region,ms,count,age
    192.0.2.0/24,us-east,23.4,120,3600

`count` (of measurements), `age` (seconds before the file was written) and `measured` (an ISO 8601
time, in place of `age`, before which it goes) may be left out: a row without a time is as old as
its file, and so is one of a time that has not come (`row_times`). Columns may
stand in any order, a line that begins with # is a comment, and the header may come again, so that
tables can be appended to one another. A sample of n measurements, n halved with each half-life, is
believed n / (n + `HALF_CONFIDENCE`).

What cannot be read is an error, what is not believed a warning: rows that are too old, what is
faster than light in fibre, a region that nobody has.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Final

from resolverd.dns.prefix import Prefix
from resolverd.errors import Problem, ProblemsError, errors_among
from resolverd.files.reading import MAX_TABLE, read_file
from resolverd.geo.countries import Country, countries
from resolverd.geo.distance import Coordinates, great_circle_km
from resolverd.rtt.field import FIBRE_MS_PER_KM
from resolverd.rtt.light import (
    PLACE_ERROR_KM,
    SAMPLED,
    PlaceOf,
    Plausibility,
    least_km_to_country,
    outruns,
)
from resolverd.rtt.row_times import RowTimes
from resolverd.rtt.samples import Samples
from resolverd.rtt.samples_builder import SamplesBuilder
from resolverd.rtt.where import (
    EXAMPLES,
    CountryCode,
    LandmarkAt,
    PlaceName,
    Where,
    prefix_of,
    where_of,
)

if TYPE_CHECKING:
    from _csv import Reader

MAX_MS: Final = 10_000.0

UNCOUNTED: Final = 8.0
"""How many measurements a row without a `count` is taken for."""

Stands = Coordinates | Country | None
"""Where something is: at a point, somewhere in a country, or nobody says."""

_COLUMNS = ("where", "region", "ms")
_OPTIONAL = ("count", "age", "measured")
_HEADER = "begin the file with the line: where,region,ms,count,age"
_ANY = Prefix(32, 0, 0)
_MOST = 1e12  # measurements, and seconds
_SHOWN = 20  # of each kind of problem in one file


def read_tables(
    paths: Sequence[Path],
    regions: Mapping[str, Coordinates],
    now: float,
    half_life: float,
    stale_after: float,
    places: Mapping[str, Stands] | None = None,
    place_of: PlaceOf | None = None,
) -> tuple[Samples, tuple[Problem, ...]]:
    """All that the tables at `paths` say of `regions`, and what of it is doubted.

    `now` is in seconds since 1970, `half_life` and `stale_after` are in seconds. `places` tell
    where each `[place.NAME]` is; without them no name is doubted. `place_of` tells where networks
    are, by databases; without it none of them is doubted. Raises ProblemsError with all problems
    where a file cannot be read or is wrong. Blocks.
    """
    builder = SamplesBuilder(tuple(regions))
    problems: list[Problem] = []
    for path in paths:
        table = _Table(path, regions, places, now, half_life, stale_after)
        rows = table.read()
        if place_of is not None:
            table.hold_networks(rows, place_of)
        problems += table.problems()
        builder.add(rows)
    if errors_among(problems):
        raise ProblemsError(problems)
    return builder.build(), tuple(problems)


class _Table:
    """One file while it is read. `youngest` is the least age of a row in seconds."""

    def __init__(
        self,
        path: Path,
        regions: Mapping[str, Coordinates],
        places: Mapping[str, Stands] | None,
        now: float,
        half_life: float,
        stale_after: float,
    ) -> None:
        self._path, self._places = path, places
        self._stale_after = stale_after
        self._points = list(regions.values())
        self._indices = {name: index for index, name in enumerate(regions)}
        self._now, self._half_life = now, half_life
        self._times = RowTimes(now, now)
        self._by_file = False
        self._strangers: set[str] = set()
        self._problems: dict[str, list[Problem]] = {}
        self._unshown: dict[str, int] = {}
        self._old = 0
        self.youngest: float | None = None

    def problems(self) -> Iterator[Problem]:
        """What was found, by line; of each kind the first ones, and how many more there are."""
        found = [problem for kind in self._problems.values() for problem in kind]
        yield from self._stale()
        for line, message, hint in self._times.doubts(by_file=self._by_file):
            yield Problem(
                str(self._path), line, min(line, 1), "rtt-time-ahead", message, hint, "warning"
            )
        yield from sorted(found, key=lambda problem: problem.line)
        for kind, number in self._unshown.items():
            first = self._problems[kind][0]
            yield Problem(first.file, 0, 0, kind, f"{number} more lines are so", "", first.severity)

    def read(self) -> SamplesBuilder:
        """The rows that are sound and believed."""
        builder = SamplesBuilder(tuple(self._indices))
        try:
            content = read_file(self._path, MAX_TABLE)
            self._times = RowTimes(self._path.stat().st_mtime, self._now)
            text = content.decode("utf-8-sig")
        except OSError as error:
            hint = "correct the path or the file's permissions"
            self._found("rtt-unreadable", 0, f"cannot be read: {error.strerror or error}", hint)
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            self._found("rtt-encoding", line, "it is not UTF-8", "save the file as UTF-8")
        else:
            self._read_rows(
                csv.reader(io.StringIO(text, newline=""), skipinitialspace=True), builder
            )
        return builder

    def _read_rows(self, reader: Reader, builder: SamplesBuilder) -> None:
        try:
            header: list[str] = next(
                (row for row in reader if row and not row[0].startswith("#")), []
            )
            names = [name.strip().lower() for name in header]
            if self._sound_header(names, reader.line_num):
                self._take_rows(reader, names, builder)
        except csv.Error as error:
            self._found(
                "rtt-syntax", reader.line_num, f"is no CSV: {error}", "quote only whole cells"
            )

    def _sound_header(self, names: list[str], line: int) -> bool:
        missing = [name for name in _COLUMNS if name not in names]
        strange = [name for name in names if name not in _COLUMNS + _OPTIONAL]
        if missing or strange or len(set(names)) < len(names):
            fault = f"lacks {', '.join(missing)}" if missing else "has a column twice"
            fault = f'has an unknown column "{strange[0]}"' if strange and not missing else fault
            self._found("rtt-header", max(1, line), f"the header {fault}", _HEADER)
            return False
        return True

    def _take_rows(self, reader: Reader, names: list[str], builder: SamplesBuilder) -> None:
        """Add every row; the loop is short for a million."""
        width, times = len(names), self._times
        written = times.of_file
        at = {name: names.index(name) for name in names}
        where_at, region_at, ms_at = (at[name] for name in _COLUMNS)
        count_at, age_at, time_at = (at.get(name) for name in _OPTIONAL)
        indices, half_life = self._indices, self._half_life
        stale_after = self._stale_after
        youngest, before, by_file = inf, "", False
        where: Where | None = None
        rows, key = builder.of_prefix(_ANY)
        for row in reader:
            try:
                text, name, ms = row[where_at], row[region_at], float(row[ms_at])
                count = UNCOUNTED if count_at is None else float(row[count_at] or UNCOUNTED)
                age = written
                if time_at is not None and row[time_at]:
                    age = times.since(row[time_at])
                else:
                    by_file = True
                    if age_at is not None and row[age_at]:
                        age += float(row[age_at])
                if not (
                    len(row) == width and 0 < ms <= MAX_MS and 0 < count < _MOST and age < _MOST
                ):
                    raise ValueError("")
                if text != before or where is None:
                    where = prefix_of(text.strip()) if "/" in text else where_of(text.strip())
                    before = text
                    if type(where) is Prefix:
                        rows, key = builder.of_prefix(where)
            except (ValueError, IndexError, OverflowError) as error:
                self._wrong_row(row, names, reader.line_num, str(error))
                continue
            index = indices.get(name)
            if index is None:
                index = indices.get(name.strip())
            if index is None:
                self._stranger(name.strip(), reader.line_num)
                continue
            if age < 0.0:
                age = times.ahead(age, reader.line_num)
            if age < youngest:
                youngest = age
            if age > stale_after:
                self._old += 1
                continue
            weight = count * 2.0 ** (-age / half_life)
            if type(where) is Prefix:
                rows.keys.append(key | index)
                rows.ms.append(ms)
                rows.weights.append(weight)
                rows.ages.append(age)
                rows.lines.append(reader.line_num)
            elif self._believed(where, index, ms, reader.line_num):
                builder.add_row(where, index, ms, weight, age)
        self.youngest = None if youngest == inf else youngest
        self._by_file = by_file

    def hold_networks(self, builder: SamplesBuilder, place_of: PlaceOf) -> None:
        """Leave out what is said of the networks of a region, where many of them outrun light.

        For a few it always seems so: databases are wrong about them.
        """
        for region, rows in builder.sampled(SAMPLED).items():
            found, line, text = Plausibility(self._points[region]), 0, ""
            for network, ms, at in rows:
                if found.note(ms, place_of(network)) and not line:
                    line, text = at, f"{network} in {ms:g} ms"
            if not found.believed:
                builder.leave_out(region)
                self._doubt(
                    "rtt-physics",
                    line,
                    f"{found}, such as {text} from {list(self._indices)[region]}; no network of "
                    "this table is believed of that region",
                    "measure at the host itself and not at a proxy before it, or name it otherwise",
                )

    def _believed(self, where: Where, region: int, ms: float, line: int) -> bool:
        """Whether light could have been so fast; said where it could not."""
        stands: Stands = None
        if isinstance(where, LandmarkAt):
            stands = where.point
        elif isinstance(where, CountryCode):
            stands = countries()[where.code]
        elif isinstance(where, PlaceName) and self._places is not None:
            if where.name not in self._places:
                hint = "write its [place] in the configuration, or correct the name"
                self._doubt("rtt-place", line, f'there is no place "{where.name}"', hint)
                return False
            stands = self._places[where.name]
        if stands is None:
            return True
        if isinstance(stands, Country):
            km, of = least_km_to_country(stands, self._points[region]), f" from {stands.name}"
            believed = not outruns(ms, km)
        else:
            km, of = great_circle_km(stands, self._points[region]), ""
            believed = not outruns(ms, km - PLACE_ERROR_KM)
        if not believed:
            self._doubt(
                "rtt-physics",
                line,
                f"{ms:g} ms is not believed: light in fibre takes {FIBRE_MS_PER_KM * km:.1f} ms "
                f"for the {km:.0f} km{of} to {list(self._indices)[region]}",
                "correct the place or the region, or measure at the host itself and not at a proxy "
                "before it",
            )
        return believed

    def _stranger(self, name: str, line: int) -> None:
        if name in self._strangers:
            return
        self._strangers.add(name)
        known = ", ".join(list(self._indices)[:8])
        self._doubt(
            "rtt-region", line, f'there is no region "{name}"; its rows are left out',
            f"write the name of a region, such as {known}",
        )  # fmt: skip

    def _wrong_row(self, row: list[str], names: list[str], line: int, reason: str) -> None:
        """Say of a row that could not be read which of its cells is to blame."""
        if not row or row[0].startswith("#"):
            return
        again = [cell.strip().lower() for cell in row]
        if again == names:
            return  # of a table that was appended to this one
        if {*again} >= {*_COLUMNS}:
            message = f"is another header than the file's, which is {','.join(names)}"
            self._found("rtt-header", line, message, "put these rows into a file of their own")
            return
        if len(row) != len(names):
            message = f"has {len(row)} cells, the header {len(names)}"
            self._found("rtt-row", line, message, f"write {','.join(names)}")
            return
        cells = dict(zip(names, row, strict=True))
        for name, hint in _NUMBERS.items():
            if name in cells and not _is_sound(name, cells[name]):
                is_time = name == "age" and self._times.is_time(cells[name])
                found = f'{name} is "{cells[name]}"'
                self._found("rtt-number", line, found, _FOR_MEASURED if is_time else hint)
                return
        if cells.get("measured") and not self._times.is_time(cells["measured"]):
            hint = "write an ISO 8601 time such as 2026-09-30T12:00:00Z"
            self._found("rtt-time", line, f'measured is "{cells["measured"]}"', hint)
            return
        self._found("rtt-where", line, reason, f"write {EXAMPLES}")

    def _stale(self) -> Iterator[Problem]:
        """What was left out for its age: all that there is, or some rows."""
        if not self._old or self.youngest is None:
            return
        after = f"after {self._stale_after / 3600:.1f} hours none is believed"
        rows = "one row is" if self._old == 1 else f"{self._old} rows are"
        message = f"{rows} left out for age: {after}"
        if self.youngest > self._stale_after:
            message = (
                f"nothing of it is used: its youngest row is {self.youngest / 3600:.1f} hours "
                f"old, and {after}"
            )
        hint = "measure again; see what should have written the file"
        yield Problem(str(self._path), 0, 0, "rtt-stale", message, hint, "warning")

    def _found(self, kind: str, line: int, message: str, hint: str) -> None:
        self._note(Problem(str(self._path), line, 1 if line else 0, kind, message, hint))

    def _doubt(self, kind: str, line: int, message: str, hint: str) -> None:
        self._note(Problem(str(self._path), line, 1, kind, message, hint, "warning"))

    def _note(self, problem: Problem) -> None:
        of_kind = self._problems.setdefault(problem.id, [])
        if len(of_kind) < _SHOWN:
            of_kind.append(problem)
        else:
            self._unshown[problem.id] = self._unshown.get(problem.id, 0) + 1


# What `rtt --show` prints, below the header that it had before.
_FOR_MEASURED = (
    "put these rows into a file of their own, with measured in place of age in its first line"
)
_NUMBERS = {
    "ms": f"write milliseconds, above 0 and up to {MAX_MS:g}, such as 23.4",
    "count": "write how many measurements it is of, or leave the cell empty",
    "age": "write seconds, or leave the cell empty",
}


def _is_sound(name: str, text: str) -> bool:
    """Whether the cell of a column of numbers can be read."""
    try:
        number = float(text)
    except ValueError:
        return not text and name != "ms"
    if name == "ms":
        return 0 < number <= MAX_MS
    return 0 < number < _MOST if name == "count" else number < _MOST
