"""The other files that a plan is made from: price lists, and regions that could be added.

Both are CSV with a header: ``list,model,usd_per_hour``, and ``name,latitude,longitude`` with
``gpus``, ``usd_per_hour`` and ``pins_of`` if known (`pins_of`: regions, separated by spaces,
whose pins it would be added to).
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from resolverd.errors import ConfigError, Problem
from resolverd.files.reading import read_file
from resolverd.geo.distance import Coordinates

_LARGEST = 64 << 20

T = TypeVar("T")


class Price(NamedTuple):
    """What one GPU of a model costs an hour on a list, in US dollars."""

    list: str
    model: str
    usd_per_hour: float


class Possible(NamedTuple):
    """A region that could be added; None is what the file does not say."""

    name: str
    point: Coordinates
    gpus: int | None
    usd_per_hour: float | None
    pins_of: frozenset[str]


def read_prices(path: Path) -> dict[str, dict[str, float]]:
    """Price lists by name: GPU model → US dollars an hour. Raises ConfigError."""
    found: dict[str, dict[str, float]] = {}

    def price(row: Mapping[str, str]) -> None:
        one = _price(row)
        listed = found.setdefault(one.list, {})
        if one.model in listed:
            raise ValueError(f'"{one.model}" is on the list "{one.list}" already')
        listed[one.model] = one.usd_per_hour

    read_rows(path, ("list", "model", "usd_per_hour"), price)
    return found


def read_candidates(path: Path, regions: Collection[str]) -> list[Possible]:
    """Regions that could be added, beside `regions`, whose pins they may be of.

    Raises ConfigError.
    """
    names: set[str] = set()

    def candidate(row: Mapping[str, str]) -> Possible:
        one = _possible(row)
        if one.name in names:
            raise ValueError(f'"{one.name}" is there already')
        unknown = sorted(one.pins_of.difference(regions))
        if unknown:
            known = ", ".join(regions)
            raise ValueError(f'pins_of: there is no region "{unknown[0]}"; regions: {known}')
        names.add(one.name)
        return one

    optional = ("gpus", "usd_per_hour", "pins_of")
    return read_rows(path, ("name", "latitude", "longitude"), candidate, optional)


def read_rows(
    path: Path,
    needed: Sequence[str],
    make: Callable[[Mapping[str, str]], T],
    optional: Sequence[str] = (),
) -> list[T]:
    """Every row of a CSV whose header has these columns, and at most the optional ones beside.

    Raises ConfigError with all problems.
    """
    hint = f"begin it with a line {','.join(needed)}, and write a value for each"
    try:
        text = read_file(path, _LARGEST).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror or str(error) if isinstance(error, OSError) else "is no UTF-8"
        raise _refused(path, 0, f"cannot be read: {reason}", hint) from error
    reader = csv.DictReader(text.splitlines(), skipinitialspace=True)
    found: list[T] = []
    problems: list[Problem] = []
    try:
        _check_header(path, reader.fieldnames or (), needed, optional)
        for row in reader:
            try:
                found.append(make(_cells(row)))
            except ValueError as error:
                problems += _refused(path, reader.line_num, str(error), hint).problems
    except csv.Error as error:
        problems += _refused(path, reader.line_num + 1, f"is no CSV: {error}", hint).problems
    if problems:
        raise ConfigError(problems)
    return found


def _check_header(
    path: Path, names: Sequence[str], needed: Sequence[str], optional: Sequence[str]
) -> None:
    """Raise ConfigError for a header with a column too few, too many, or twice."""
    known = [*needed, *optional]
    hint = f"begin it with a line {','.join(needed)}"
    if optional:
        hint += f", and {', '.join(optional)} if known"
    missing = [name for name in needed if name not in names]
    unknown = [name for name in names if name not in known]
    if missing:
        raise _refused(path, 1, f"it has no column {' and no '.join(missing)}", hint)
    if unknown:
        raise _refused(path, 1, f'there is no column "{unknown[0]}"', hint)
    if len(set(names)) < len(names):
        raise _refused(path, 1, "it has a column twice", hint)


def _cells(row: Mapping[str | None, str | list[str] | None]) -> dict[str, str]:
    """The cells of a row by column. Raises ValueError where it has more of them than columns."""
    if None in row:
        raise ValueError("it has more cells than the header; put one with a comma into quotes")
    return {name: str(cell or "").strip() for name, cell in row.items() if name is not None}


def number(text: str, what: str, low: float, high: float) -> float:
    """A number between two others. Raises ValueError that says `what` it should be."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise ValueError(f'"{text}" is no {what}: a number from {low:g} to {high:g}')
    return value


def _refused(path: Path, line: int, reason: str, hint: str) -> ConfigError:
    return ConfigError([Problem(str(path), line, int(line > 0), "plan-file", reason, hint)])


def _price(row: Mapping[str, str]) -> Price:
    return Price(row["list"], row["model"], number(row["usd_per_hour"], "price", 0, 1e6))


def _possible(row: Mapping[str, str]) -> Possible:
    point = (
        number(row["latitude"], "latitude", -90, 90),
        number(row["longitude"], "longitude", -180, 180),
    )
    gpus, price = row.get("gpus"), row.get("usd_per_hour")
    if not row["name"]:
        raise ValueError("it has no name")
    return Possible(
        row["name"],
        point,
        int(number(gpus, "number of GPUs", 0, 1e6)) if gpus else None,
        number(price, "price", 0, 1e6) if price else None,
        frozenset(row.get("pins_of", "").split()),
    )
