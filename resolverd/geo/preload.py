"""Databases that are read and checked beside the imports of a start, which use one core.

`begin` takes what the configuration's own file says, unchecked, and the load that decides is given
what came of it by `taken`. What that does not ask for is dropped. Nothing of it is logged or kept
here, and a database that is refused is refused again by whoever asks for its places.

A start has imported next to nothing when it begins with this, and this imports little: what opens
a database and checks it is loaded while the first one is copied.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resolverd.abi.library import why_not
from resolverd.abi.meter import Meter
from resolverd.config.readable import tables_of_whole
from resolverd.errors import GeoError
from resolverd.files.reading import Reads, key_of, note_as
from resolverd.geo.memory_copy import memory_copy

if TYPE_CHECKING:
    from resolverd.geo.database import Database

# Seconds between switches of threads (sys.setswitchinterval): one that reads waits so long for the
# interpreter's lock after each piece, as the one that imports never gives it up by itself.
_TURN = 0.001


class _Begun:
    """A database on its way: what was read for it, and how far its check is."""

    def __init__(self, reads: Reads) -> None:
        self.reads, self.meter = reads, Meter()
        self._ended = threading.Event()
        self._database: Database | None = None
        self._error: BaseException | None = None

    def end(self, database: Database | None, error: BaseException | None = None) -> None:
        """It is open, or why it is not."""
        self._database, self._error = database, error
        self._ended.set()

    def result(self) -> Database:
        """The database, or raises what its opening raised. Blocks."""
        self._ended.wait()
        if self._error is not None:
            raise self._error
        assert self._database is not None, "it has ended with one of both"
        return self._database


_begun: dict[str, _Begun] = {}


def begin(config: Path, options: Sequence[tuple[str, Any]]) -> None:
    """Begin with the databases that the file at `config` and the `options` laid over it name.

    Where they cannot be told, or the native library is missing, nothing happens.
    """
    with suppress(OSError, ValueError, TypeError, AttributeError):
        tree = tables_of_whole(config)
        if tree is None:
            return
        server = tree.get("server", {})
        said = {**server, **{key.removeprefix("server."): value for key, value in options}}
        names, state = said.get("geoip", []), said.get("state", "")
        paths = [config.parent / name for name in names]
        stamps = config.parent / state if state else None
        if paths and why_not() is None:
            _begin(paths, stamps)


def have_ready(databases: Mapping[Path, Database], reads: Reads) -> None:
    """Have these taken, which are open and were read as `reads` has noted."""
    for path, database in databases.items():
        begun = _begun[key_of(path)] = _Begun(reads)
        begun.end(database)


def meter(path: Path) -> Meter | None:
    """How far the check of the database at `path` is, if it was begun."""
    begun = _begun.get(key_of(path))
    return begun.meter if begun else None


def taken(path: Path) -> Database | None:
    """The database at `path`, if it was begun, read for the load that is noted. Blocks.

    Raises GeoError as `Database.open` does.
    """
    begun = _begun.pop(key_of(path), None)
    if begun is None:
        return None
    try:
        return begun.result()
    finally:
        note_as(begun.reads, path)


def drop() -> None:
    """Nobody will ask for what is left."""
    _begun.clear()


def _begin(paths: Sequence[Path], stamps: Path | None) -> None:
    once = {key_of(path): path for path in paths}  # one that is named twice is opened once
    begun = {key: _Begun(Reads()) for key in once}
    work = partial(_open_all, list(zip(once.values(), begun.values(), strict=True)), stamps)
    with suppress(RuntimeError):  # where no thread can be had, nothing is preloaded
        threading.Thread(target=work, name="preload", daemon=True).start()
        _begun.update(begun)
        # What the thread needs next, loaded while it copies.
        import resolverd.geo.stamp  # noqa: F401


def _open_all(databases: Sequence[tuple[Path, _Begun]], stamps: Path | None) -> None:
    turn = sys.getswitchinterval()
    sys.setswitchinterval(min(turn, _TURN))
    try:
        for path, begun in databases:
            try:
                begun.end(_opened(path, stamps, begun))
            except BaseException as error:  # noqa: BLE001 - handed to whoever asks for it
                begun.end(None, error)
    finally:
        sys.setswitchinterval(turn)


def _opened(path: Path, stamps: Path | None, begun: _Begun) -> Database:
    with begun.reads.noted():
        copy = memory_copy(path)
        from resolverd.geo.database import Database  # which a thread that imports has by now

        database = Database.copied(copy, path)
    _check(database, path, stamps, begun.meter)
    return database


def _check(database: Database, path: Path, stamps: Path | None, meter: Meter) -> None:
    """Have the places read, unless the very octets are known to have passed before."""
    from resolverd.geo import stamp  # as above

    if stamps is not None and stamp.is_known(stamps, path, database.sha256):
        return
    with suppress(GeoError):
        database.place_index(meter)
