"""The other files that a plan is made from: price lists, and regions that could be added.

Both are CSV with a header: ``list,model,usd_per_hour``, and ``name,latitude,longitude`` with
``gpus``, ``usd_per_hour`` and ``pins_of`` if known (`pins_of`: regions, separated by spaces,
whose pins it would be added to).
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping, Sequence
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
    for price in read_rows(path, ("list", "model", "usd_per_hour"), _price):
        found.setdefault(price.list, {})[price.model] = price.usd_per_hour
    return found


def read_candidates(path: Path) -> list[Possible]:
    """Regions that could be added. Raises ConfigError."""
    return read_rows(path, ("name", "latitude", "longitude"), _possible)


def read_rows(path: Path, needed: Sequence[str], make: Callable[[Mapping[str, str]], T]) -> list[T]:
    """Every row of a CSV whose header has these columns. Raises ConfigError with all problems."""
    hint = f"begin it with a line {','.join(needed)}, and write a value for each"
    try:
        text = read_file(path, _LARGEST).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise _refused(path, 0, f"cannot be read: {error}", hint) from error
    reader = csv.DictReader(text.splitlines(), skipinitialspace=True)
    found: list[T] = []
    problems: list[Problem] = []
    try:
        missing = [name for name in needed if name not in (reader.fieldnames or ())]
        if missing:
            raise _refused(path, 1, f"it has no column {' and no '.join(missing)}", hint)
        for row in reader:
            try:
                found.append(make({k: (v or "").strip() for k, v in row.items() if k is not None}))
            except ValueError as error:
                problems += _refused(path, reader.line_num, str(error), hint).problems
    except csv.Error as error:
        problems += _refused(path, reader.line_num + 1, f"is no CSV: {error}", hint).problems
    if problems:
        raise ConfigError(problems)
    return found


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
    return Possible(
        row["name"],
        point,
        int(number(gpus, "number of GPUs", 0, 1e6)) if gpus else None,
        number(price, "price", 0, 1e6) if price else None,
        frozenset(row.get("pins_of", "").split()),
    )
