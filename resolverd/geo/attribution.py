"""What each database's licence asks to be shown wherever its data are used.

An attribution file that `resolverd geo fetch` put beside a database wins; otherwise the
database's own type, or its file name, tells whose it is.
"""

from __future__ import annotations

from pathlib import Path

from resolverd.files.reading import MAX_TEXT, read_file

SUFFIX = ".attribution.txt"

MAXMIND = (
    "This product includes GeoLite2 data created by MaxMind, available from "
    "https://www.maxmind.com."
)
DBIP = "IP Geolocation by DB-IP (https://db-ip.com), CC BY 4.0."


def attribution_of(database_type: str, name: str) -> str:
    """The line to show for a database of this type and file name; empty if none is known."""
    if "GeoLite2" in database_type:
        return MAXMIND
    if "DBIP" in database_type or name.lower().startswith("dbip"):
        return DBIP
    return ""


def attribution_beside(path: Path, database_type: str) -> str:
    """The line to show for the database at `path`: from the file beside it, or else by its type."""
    try:
        return read_file(path.with_name(path.name + SUFFIX), MAX_TEXT).decode("utf-8").strip()
    except (OSError, ValueError):
        return attribution_of(database_type, path.name)
