"""The geographic databases: how old they are, and how fine."""

from __future__ import annotations

import shlex
from pathlib import Path

from resolverd.doctor.finding import Finding, Level

# Age of a database, in days. A month between two editions is common: less than that complains of
# databases that are up to date; more lets clients be placed wrongly for longer.
ADVICE_DAYS = 45
WARNING_DAYS = 180

_DAY = 86400.0


def age(name: str, built: float, now: float, directory: Path | None) -> Finding:
    """Networks change hands: clients of an old database are sent to where others once were.

    `built` and `now` in seconds since 1970; `directory` is the file's, None if embedded.
    """
    days = (now - built) / _DAY
    if days < -1:
        seen = f"{name} was built {-days:,.0f} days from now: its date or this clock is wrong"
        return Finding("geo-age", "warning", seen, "date --utc  # and fix the clock first")
    seen = f"{name} is {max(0.0, days):,.0f} days old"
    if days <= ADVICE_DAYS:
        return Finding("geo-age", "ok", seen)
    level: Level = "warning" if days > WARNING_DAYS else "advice"
    return Finding(
        "geo-age", level, f"{seen}; networks move within {ADVICE_DAYS}", fetch(directory)
    )


def precision(cities: bool) -> Finding:
    """With countries alone, all of the United States or Russia stands at one point.

    `cities`: one of the databases, the embedded one where none is configured, has cities.
    """
    if cities:
        return Finding("geo-precision", "ok", "a database with cities places the clients")
    seen = "each database in server.geoip knows countries only: clients stand at its middle"
    return Finding("geo-precision", "advice", seen, fetch(None))


def unreadable(reason: str) -> Finding:
    """A database that cannot be opened keeps the daemon from starting."""
    return Finding("geo-unreadable", "fault", reason, fetch(None))


def fetch(directory: Path | None) -> str:
    """The command that installs a database; where none is configured, the line to add as well."""
    if directory is not None:
        return f"resolverd geo fetch {shlex.quote(str(directory))}"
    return "resolverd geo fetch /var/lib/resolverd-geo  # and name the files in server.geoip"
