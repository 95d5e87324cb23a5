"""The whole check of one database: every node of its tree, every distinct record once.

"It opens" says little: half of the broken databases in the wild open and fail at a later
lookup. The check reads the file itself and blocks for seconds; `resolverd.geo.walk` runs it
in a process of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from resolverd.errors import GeoError
from resolverd.geo.database import METADATA_MARKER, Database, read_file
from resolverd.geo.layout import READABLE
from resolverd.geo.records import RecordCounts, count_records
from resolverd.geo.tree import SEPARATOR, Tick, parse_tree, survey
from resolverd.geo.values import check_values

MAX_UNREADABLE = 0.01
"""Share of unreadable records above which a database is refused. 0 would refuse every database for
one flipped bit; a larger one would serve a database whose networks are unplaced at random. One
record is never the reason, however few there are."""


@dataclass(frozen=True, slots=True)
class WalkReport:
    """What a database that passed holds.

    `networks` counts the tree's records that name data, `records` the distinct data records,
    `unreadable` those of them that cannot be read (their networks are unplaced); `build_epoch`
    is in seconds since 1970, and `sha256` names the exact bytes that were walked.
    """

    networks: int
    records: int
    unreadable: int
    layout: str
    database_type: str
    build_epoch: int
    sha256: str


def inspect(path: Path, tick: Tick) -> WalkReport:
    """Check the database at `path`. Raises GeoError: the file, what is wrong, the hint."""
    content = read_file(path)
    return inspect_content(content, path.name, tick)


def inspect_content(content: bytes, name: str, tick: Tick) -> WalkReport:
    """Check the database in `content`, which has the file name `name`."""
    database = Database.of(content, name)
    metadata, sha256 = database.metadata, database.sha256
    database.close()
    start = metadata.node_count * metadata.record_size // 4 + SEPARATOR
    data = content[start : content.rindex(METADATA_MARKER)]
    try:
        tree = parse_tree(content, metadata.node_count, metadata.record_size)
        networks, offsets = survey(tree, metadata.ip_version, len(data), lambda f: tick(f * 0.4))
        del tree
        check_values(data, offsets, lambda f: tick(0.4 + f * 0.2))
    except GeoError as error:
        raise GeoError(f"{name}: {error}; get the file again") from error
    del content
    counts = count_records(data, offsets, metadata.layout, lambda f: tick(0.6 + f * 0.4))
    _refuse_useless(name, counts, len(offsets))
    tick(1.0)
    return WalkReport(
        networks,
        len(offsets),
        counts.unreadable,
        metadata.layout.value,
        metadata.database_type,
        metadata.build_epoch,
        sha256,
    )


def _refuse_useless(name: str, counts: RecordCounts, records: int) -> None:
    all_unreadable = counts.unreadable == records > 0
    if all_unreadable or counts.unreadable > max(1, records * MAX_UNREADABLE):
        raise GeoError(
            f"{name}: {counts.unreadable} of its {records} records cannot be read "
            f"({counts.first_reason}); get the file again, or name another"
        )
    if not counts.placed:
        raise GeoError(
            f"{name}: none of its {records} records gives a place; name one of these: {READABLE}"
        )
