"""Reloads: the last one's report, what an edit changes, and the documents of /reload."""

from __future__ import annotations

from typing import Literal

from resolverd.admin.documents.base import Document, ErrorDocument, Part, ProblemPart, key


class ZoneChangePart(Part):
    """One zone that an edit changes."""

    zone: str = key("Its apex.")
    serial_before: int | None = key("Serial before; null where it was not there.")
    serial_after: int | None = key("Serial after; null where it is gone.")
    records_added: int = key("Records that came.")
    records_removed: int = key("Records that went.")


class NamesPart(Part):
    """Names of one table of the configuration that an edit changes."""

    added: list[str] = key("New ones.")
    removed: list[str] = key("Those that are there no more.")
    changed: list[str] = key("Those whose contents differ.")


class ChangesPart(Part):
    """What an edit changes; empty where nothing does."""

    zones: list[ZoneChangePart] = key("Zones.")
    services: NamesPart = key("Services.")
    regions: NamesPart = key("Regions.")
    places: NamesPart = key("Own places.")
    pins: NamesPart = key("Pins.")
    options: list[str] = key("Other options, as dotted keys.")
    databases: bool = key("Whether the geographic databases are others.")
    rtt: bool = key("Whether the tables of round-trip times are others.")
    summary: list[str] = key("All of it in words, a line each.")


class OutdatedPart(Part):
    """A part that is served in an older state than its files."""

    part: str = key("The part, in words.")
    zone: str | None = key("The zone's apex, where it is one.")
    state: Literal["held", "refused"] = key("Whether it takes much away, or has errors.")
    served: bool = key("Whether an older state of it is served; else it is not served at all.")
    problems: list[ProblemPart] = key("Why.")


class ReloadPart(Part):
    """How the last attempt to adopt an edit went; counts are since the start."""

    result: Literal["started", "adopted", "refused", "held"] = key("How it went.")
    at: str = key("When, ISO 8601 in UTC.")
    adopted: int = key("Edits adopted whole.")
    refused: int = key("Edits refused, in part at least.")
    held: int = key("Edits held, in part at least.")
    reason: str | None = key("Why what is served is not what the files say; null where it is.")
    kept: str | None = key("Why kept files are served since the start; null where they are not.")
    restart: str | None = key(
        "When the files were adopted that a restart would serve if those on disk were refused, "
        "ISO 8601 in UTC; null where there are none."
    )
    needs_restart: list[str] = key(
        "Options that were adopted and take effect at the next start, as dotted keys."
    )
    problems: list[ProblemPart] = key("What was refused or held, else the warnings.")
    outdated: list[OutdatedPart] = key("Parts in an older state than their files.")
    changed: ChangesPart | None = key("What the last reload changed; null before the first.")
    warnings: list[ProblemPart] = key("Warnings of what is served.")


class ReloadedDocument(Document):
    """POST /reload, when all of the files is served."""

    generation: int = key("Generation of the Plan served.")
    reload: ReloadPart = key("How it went.")


class ReloadRefusedDocument(ErrorDocument):
    """POST /reload with status 422: a part of the files is refused or held."""

    generation: int = key("Generation of the Plan served.")
    reload: ReloadPart = key("How it went.")


class ForecastDocument(Document):
    """GET /reload: what a reload would do now."""

    config: str = key("The main configuration file, an absolute path.")
    generation: int = key("Generation of the Plan served.")
    outdated: list[OutdatedPart] = key("Parts that would not be served as their files are.")
    changed: ChangesPart = key("What would change.")
    warnings: list[ProblemPart] = key("Warnings of what would be served.")
