"""The databases of one configuration as one: an address prefix in, `Located` out.

Databases are asked in order until the country is known, and each part of a place (point, country,
continent) is as the first that knows it says. So one file per family, or a fine one before a
coarse one, complement each other, and a location alone does not hide a country. Where the number of
the autonomous system is wanted, the asking goes on until it is known too, and leaves out databases
that have nothing of what is missing. The length is the longest of those consulted: inside it every
address meets the same records in each of them.

A Locator never changes. A reload opens another beside it, and dropping the last reference
frees the memory. Pickling carries no data: the other process reads the very same copies, or
the files again if their bytes are still the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from resolverd.dns.prefix import Prefix
from resolverd.errors import GeoError
from resolverd.files.threads import detached
from resolverd.geo import check, embedded
from resolverd.geo.attribution import attribution_beside
from resolverd.geo.database import Database, read_file
from resolverd.geo.inspection import WalkReport
from resolverd.geo.kept_embedded import open_embedded
from resolverd.geo.place import Located, Place
from resolverd.geo.walk import walk, walk_sync

_MAX_EPOCH = 253_402_300_799  # the last second of the year 9999


class LocatedNetwork(NamedTuple):
    """One network of the databases, and the place that all of it has."""

    network: Prefix
    place: Place | None


class Provenance(NamedTuple):
    """Where an open database came from: its file (None if embedded), and its walk if any.

    `attribution` is the line that its licence asks to be shown.
    """

    path: Path | None
    report: WalkReport | None
    attribution: str = ""


class Locator:
    """Several open databases as one. `databases` and `sources` are in the order asked."""

    def __init__(self, opened: Sequence[tuple[Provenance, Database]]) -> None:
        """Join databases that are already open."""
        self.sources = tuple(source for source, _ in opened)
        self.databases = tuple(database for _, database in opened)

    @classmethod
    def open(
        cls, paths: Sequence[Path], *, stamps: Path | None = None, walked: bool = True
    ) -> Locator:
        """Open the files in `paths`, or the embedded database when there are none.

        Unless `walked` is False, each is checked whole: by the native library, or else by a
        walk in a child process, or it is known by its stamp in `stamps` to have passed that
        before; the embedded one may be kept there unpacked. Blocks; for start-up and the command
        line, where no event loop runs. Raises GeoError with the reason.
        """
        if not paths:
            return cls.embedded(stamps)
        if walked and check.possible():
            return cls([_sourced(path, check.open_checked(path)) for path in paths])._placing()
        reports = [walk_sync(path, stamps=stamps) if walked else None for path in paths]
        return cls(list(map(_adopt, paths, reports)))._placing()

    @classmethod
    async def load(
        cls,
        paths: Sequence[Path],
        *,
        stamps: Path | None = None,
        progress: Callable[[Path, float], None] | None = None,
    ) -> Locator:
        """`open` for a running daemon: the event loop keeps serving meanwhile."""
        if not paths:
            return await detached(partial(cls.embedded, stamps))
        opened = []
        for path in paths:
            if check.possible():
                on_progress = _bound(progress, path)
                opened.append(_sourced(path, await check.open_checking(path, on_progress, stamps)))
                continue
            report = await walk(path, stamps=stamps, progress=_bound(progress, path))
            opened.append(await detached(partial(_adopt, path, report)))
        return cls(opened)._placing()

    @classmethod
    def embedded(cls, kept: Path | None = None) -> Locator:
        """The city table that ships with resolverd, unpacked or as it is in the directory `kept`.

        Raises GeoError if it is damaged.
        """
        return cls([(Provenance(None, None, embedded.ATTRIBUTION), open_embedded(kept))])

    def locate(self, prefix: Prefix, *, asn: bool = False, place: bool = True) -> Located:
        """Where the first address of `prefix` is, and with `asn` its autonomous system.

        The length is the database's own and may be longer or shorter than the prefix's. With
        `place` False, autonomous systems alone are asked for.
        """
        known: Place | None = None
        length = 0
        for database in self.databases:
            placing = place and database.places and (known is None or known.country is None)
            numbering = asn and database.asns and (known is None or known.asn is None)
            if not placing and not numbering:
                continue
            found, own = database.locate(prefix.address, prefix.bits)
            length = max(length, own)
            if found is not None:
                known = found if known is None else known.completed_by(found)
        return Located(known, length)

    def walk_within(self, prefix: Prefix, limit: int) -> list[LocatedNetwork] | None:
        """The databases' networks that intersect `prefix`, in address order.

        The first may be wider than `prefix`. None when there are more than `limit`.
        """
        return networks_within(self.locate, prefix, limit)

    def may_know(self, codes: Iterable[str]) -> set[str]:
        """Those of some country codes that any database has a place in, and perhaps others."""
        return {code for code in codes if any(d.holds_text(code) for d in self.databases)}

    @property
    def tells_asns(self) -> bool:
        """Whether any database tells autonomous systems. Blocks; see `Database.holds_text`."""
        return any(database.tells_asns for database in self.databases)

    def _placing(self) -> Locator:
        """Itself. Raises GeoError where no database of it says where anybody is."""
        if any(database.places for database in self.databases):
            return self
        names = ", ".join(database.name for database in self.databases)
        self.close()
        raise GeoError(
            f"{names}: ASN databases say where nobody is; name a city or country database beside"
        )

    @property
    def unreadable(self) -> int:
        """How many lookups met a record that could not be read."""
        return sum(database.unreadable for database in self.databases)

    def describe(self) -> list[dict[str, object]]:
        """One map per database, for logs, `check` and the admin API; plain JSON values."""
        return list(map(_described, self.sources, self.databases))

    def expect_maps(self) -> None:
        """Several maps are to be compiled; see `Database.expect_maps`."""
        for database in self.databases:
            database.expect_maps()

    def rest(self) -> None:
        """Drop what only compiling needs, once all maps are compiled; see `Database.rest`."""
        for database in self.databases:
            database.rest()

    def leave_memory(self, copy_of: Callable[[str], Path | None]) -> None:
        """Have databases read from the disk, by the copies that `copy_of` has by their SHA-256; see
        `Database.leave_memory`."""
        for database in self.databases:
            if (copy := copy_of(database.sha256)) is not None:
                database.leave_memory(copy)

    def return_to_memory(self) -> None:
        """Have all of them in memory. Blocks; raises GeoError."""
        for database in self.databases:
            database.return_to_memory()

    def close(self) -> None:
        """Give the memory back now; lookups are no longer allowed."""
        for database in self.databases:
            database.close()

    def __reduce__(self) -> tuple[Callable[[tuple[_Ticket, ...]], Locator], tuple[object, ...]]:
        tickets = tuple(
            _Ticket(source, database.name, database.sha256, database.shared_path)
            for source, database in zip(self.sources, self.databases, strict=True)
        )
        return _revive, (tickets,)


def networks_within(
    locate: Callable[[Prefix], Located], prefix: Prefix, limit: int
) -> list[LocatedNetwork] | None:
    """The networks that intersect `prefix` as `locate` tells them; see `Locator.walk_within`."""
    found: list[LocatedNetwork] = []
    address, end = prefix.address, prefix.address + (1 << (prefix.bits - prefix.length))
    while address < end:
        if len(found) == limit:
            return None
        place, length = locate(Prefix(prefix.bits, address, prefix.bits))
        network = Prefix(prefix.bits, address, prefix.bits).widened(length)
        found.append(LocatedNetwork(network, place))
        address = network.address + (1 << (prefix.bits - length))
    return found


class _Ticket(NamedTuple):
    """What a pickled Locator carries for each database."""

    source: Provenance
    name: str
    sha256: str
    shared_path: str | None


def _revive(tickets: tuple[_Ticket, ...]) -> Locator:
    """Open the same bytes in another process. Raises GeoError when they are gone."""
    return Locator([(ticket.source, _redeem(ticket)) for ticket in tickets])


def _redeem(ticket: _Ticket) -> Database:
    if ticket.shared_path and (
        shared := Database.shared(ticket.shared_path, ticket.name, ticket.sha256)
    ):
        return shared
    path = ticket.source.path
    content = embedded.content() if path is None else read_file(path)
    database = Database.of(content, ticket.name)
    if database.sha256 != ticket.sha256:
        database.close()
        raise GeoError(f"{ticket.name}: replaced since it was opened; reload to adopt the new one")
    return database


def _sourced(path: Path, checked: tuple[Database, WalkReport]) -> tuple[Provenance, Database]:
    database, report = checked
    return _source(path, report, database), database


def _adopt(path: Path, report: WalkReport | None) -> tuple[Provenance, Database]:
    database = Database.open(path)
    if report is not None and report.sha256 != database.sha256:
        database.close()
        raise GeoError(f"{path}: changed while it was being checked; reload once it is complete")
    return _source(path, report, database), database


def _source(path: Path, report: WalkReport | None, database: Database) -> Provenance:
    attribution = attribution_beside(path, database.metadata.database_type)
    return Provenance(path.absolute(), report, attribution)


def _described(source: Provenance, database: Database) -> dict[str, object]:
    metadata = database.metadata
    built = metadata.build_epoch
    return {
        "file": str(source.path) if source.path else f"embedded {database.name}",
        "type": metadata.database_type,
        "built": (
            datetime.fromtimestamp(built, UTC).date().isoformat()
            if 0 <= built <= _MAX_EPOCH
            else None
        ),
        "networks": source.report.networks if source.report else None,
        "unreadable_records": source.report.unreadable if source.report else 0,
        "attribution": source.attribution,
        "sha256": database.sha256,
    }


def _bound(
    progress: Callable[[Path, float], None] | None, path: Path
) -> Callable[[float], None] | None:
    if progress is None:
        return None
    return lambda fraction: progress(path, fraction)
