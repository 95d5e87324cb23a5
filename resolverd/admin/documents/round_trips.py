"""The document of GET /rtt, which /state has a part of: what is measured of the ways to regions."""

from __future__ import annotations

from resolverd.admin.documents.base import Document, Part, key


class EdgeTimePart(Part):
    """The way from this host to one region."""

    region: str = key("The region.")
    ms: float = key("The least TCP handshake of the last ten minutes, milliseconds.")
    count: int = key("Handshakes since the start.")
    age_seconds: float = key("Seconds since the last one.")
    implausible: str | None = key("Why it is not believed; null where it is.")


class RttPagePart(Part):
    """One page that a region names as `rtt`."""

    region: str = key("The region.")
    url: str = key("Where it is read, without its secrets.")
    read_at: str | None = key("When it was last read well, ISO 8601 in UTC; null if never.")
    as_of: str | None = key("Of when that is what it says, ISO 8601 in UTC; null if never read.")
    rows: int = key("Rows that were taken from it.")
    reason: str | None = key("Why the last attempt to read it failed; null where it did not.")
    left_out: str | None = key("What of it was left out; null where nothing was.")


class RoundTripsPart(Part):
    """What this host measured itself, and what pages of regions say."""

    where: str = key("How a table of round-trip times names this host: latitude and longitude.")
    regions: list[EdgeTimePart] = key("By region; without those that were never reached.")
    pages: list[RttPagePart] = key("The pages that regions name.")
    file: str | None = key("The table that all of it is kept in; null where nothing is kept.")
    write_error: str | None = key("Why nothing can be kept; null where it can, or need not.")


class RoundTripsDocument(RoundTripsPart, Document):
    """GET /rtt: what is measured of the ways to the regions."""
