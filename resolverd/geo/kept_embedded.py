"""The embedded database as an earlier start unpacked it, in `server.state`.

To unpack it takes 65 ms of CPU and 35 MiB for a moment, to read what came of it 14 ms and 4 MiB.
Only its SHA-256 decides whether it is the one that ships: any other is unpacked anew, and kept in
its place.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from resolverd.errors import GeoError
from resolverd.files.large import copy_kept
from resolverd.files.reading import MAX_DATABASE
from resolverd.files.writing import make_directory, replace_filled
from resolverd.geo import embedded
from resolverd.geo.database import Database
from resolverd.geo.memory_copy import MemoryCopy, memory_file


def open_embedded(directory: Path | None) -> Database:
    """The embedded database, as it is kept in `directory`, or unpacked.

    What is kept and is not the one that ships is taken away. Blocks. Raises GeoError where the
    installation is damaged.
    """
    path = directory / embedded.NAME if directory else None
    if path is not None and (copy := _copied(path)) is not None:
        return Database.copied(copy, path)
    return Database.of(embedded.content(), embedded.NAME)


def keep_embedded(directory: Path | None, databases: Iterable[Database]) -> None:
    """Keep the embedded database in `directory` if it is among these, and else none.

    Blocks; a failure costs the next start time.
    """
    if directory is None:
        return
    path = directory / embedded.NAME
    served = next((each for each in databases if each.sha256 == embedded.SHA256), None)
    with suppress(OSError, GeoError):
        if served is None:
            path.unlink(missing_ok=True)
        elif not path.exists():
            make_directory(directory)
            with served.lend() as content:
                replace_filled(path, lambda file: file.write(content), synchronised=False)


def _copied(path: Path) -> MemoryCopy | None:
    """A copy in memory; None where it is not there, or is not the one that ships."""
    descriptor = memory_file(path.name)
    if descriptor is None:
        return None
    try:
        if copy_kept(path, MAX_DATABASE, descriptor) == embedded.SHA256:
            return MemoryCopy(descriptor, embedded.SHA256)
        path.unlink()
    except OSError:
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None
