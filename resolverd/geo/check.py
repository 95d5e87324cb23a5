"""The check of a whole database by the native library, in this process and in about a second.

What `resolverd.geo.walk` does in a child process, with the same refusals and the same report:
the library is safe code over a private copy, so a hostile file can harm nobody. It also keeps
what it read, the database's places, for the maps that are compiled from them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from resolverd.abi.library import why_not
from resolverd.abi.meter import Meter
from resolverd.files.threads import detached
from resolverd.geo import preload, stamp
from resolverd.geo.database import Database
from resolverd.geo.inspection import WalkReport
from resolverd.geo.walk import walk

# Seconds between reports of how far a check has come; larger ones make a progress bar jump.
_POLL_INTERVAL = 0.25


def possible() -> bool:
    """Whether the native library is here to check databases."""
    return why_not() is None


def open_checked(
    path: Path, meter: Meter | None = None, stamps: Path | None = None
) -> tuple[Database, WalkReport]:
    """Open the database at `path` and check it whole. Raises GeoError; blocks.

    With a `stamps` directory, the very bytes that passed before are not checked again.
    """
    database = preload.taken(path) or Database.open(path)
    if stamps and (known := stamp.known(stamps, path, database.sha256)):
        return database, known
    try:
        places = database.place_index(meter)
    except BaseException:
        database.close()
        raise
    metadata = database.metadata
    report = WalkReport(
        networks=places.networks,
        records=places.records,
        unreadable=places.unreadable,
        layout=metadata.layout.value,
        database_type=metadata.database_type,
        build_epoch=metadata.build_epoch,
        sha256=database.sha256,
    )
    if stamps:
        stamp.remember(stamps, path, report)
    return database, report


async def open_checking(
    path: Path,
    progress: Callable[[float], None] | None = None,
    stamps: Path | None = None,
) -> tuple[Database, WalkReport]:
    """`open_checked` while the event loop goes on; `progress` from 0 to 1."""
    meter = preload.meter(path) or Meter()
    work = asyncio.create_task(detached(lambda: open_checked(path, meter, stamps)))
    while not (await asyncio.wait([work], timeout=_POLL_INTERVAL))[0]:
        if progress is not None:
            progress(meter.part)
    opened = work.result()
    if progress is not None:
        progress(1.0)
    return opened


async def check(path: Path, progress: Callable[[float], None] | None = None) -> WalkReport:
    """Check a database that is not to be kept open: natively, else by a walk of its own."""
    if not possible():
        return await walk(path, progress=progress)
    database, report = await open_checking(path, progress)
    database.close()
    return report
