"""What the configured databases, or the embedded one, say of themselves when opened."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from resolverd.errors import GeoError
from resolverd.geo import embedded
from resolverd.geo.database import Database, read_file
from resolverd.geo.layout import Layout


class Opened(NamedTuple):
    """One database: `built` in seconds since 1970, `octets` its size in memory.

    `directory` is its file's, None if it is the embedded one; with a `fault` it cannot be
    opened, and the rest says nothing.
    """

    name: str
    built: int
    cities: bool
    octets: int
    directory: Path | None
    fault: str = ""


def opened_databases(paths: Sequence[Path]) -> list[Opened]:
    """The databases at `paths`, or the embedded one if there are none."""
    return [_opened(path) for path in paths] or [_opened(None)]


def _opened(path: Path | None) -> Opened:
    directory = None if path is None else path.parent
    name = f"the embedded {embedded.NAME}" if path is None else path.name
    try:
        content = embedded.content() if path is None else read_file(path)
        database = Database.of(content, name)
    except GeoError as error:
        return Opened(name, 0, False, 0, directory, str(error))
    metadata = database.metadata
    database.close()
    cities = metadata.layout is Layout.CITY or (
        metadata.layout is Layout.FLAT and "city" in metadata.database_type
    )
    return Opened(name, metadata.build_epoch, cities, len(content), directory)
