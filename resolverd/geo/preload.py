"""Databases that are read and checked beside the imports of a start, which use one core.

`begin` takes what the configuration's own file says, unchecked, and the load that decides is given
what came of it by `taken`. What that does not ask for is dropped. Nothing of it is logged or kept
here, and a database that is refused is refused again by whoever asks for its places.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from resolverd.abi.library import why_not
from resolverd.abi.map import Meter
from resolverd.config.toml_text import parsed
from resolverd.errors import GeoError
from resolverd.files.reading import MAX_CONFIG, Reads, key_of, note_as, read_file
from resolverd.geo.database import Database

# Seconds between switches of threads (sys.setswitchinterval): one that reads waits so long for the
# interpreter's lock after each piece, as the one that imports never gives it up by itself.
_TURN = 0.001


class _Begun(NamedTuple):
    """The database, or what its opening raised; how far its check is; what was read for it."""

    opened: Future[Database]
    meter: Meter
    reads: Reads


_begun: dict[str, _Begun] = {}


def begin(config: Path, options: Sequence[tuple[str, Any]]) -> None:
    """Begin with the databases that the file at `config` and the `options` laid over it name.

    Where they cannot be told, or the native library is missing, nothing happens.
    """
    with suppress(OSError, ValueError, TypeError, AttributeError):
        server = parsed(read_file(config, MAX_CONFIG).decode()).get("server", {})
        said = {**server, **{key.removeprefix("server."): value for key, value in options}}
        names, state = said.get("geoip", []), said.get("state", "")
        paths = [config.parent / name for name in names]
        stamps = config.parent / state if state else None
        if paths and why_not() is None:
            _begin(paths, stamps)


def have_ready(databases: Mapping[Path, Database], reads: Reads) -> None:
    """Have these taken, which are open and were read as `reads` has noted."""
    for path, database in databases.items():
        begun = _Begun(Future(), Meter(), reads)
        begun.opened.set_result(database)
        _begun[key_of(path)] = begun


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
        return begun.opened.result()
    finally:
        note_as(begun.reads, path)


def drop() -> None:
    """Nobody will ask for what is left."""
    _begun.clear()


def _begin(paths: Sequence[Path], stamps: Path | None) -> None:
    once = {key_of(path): path for path in paths}  # one that is named twice is opened once
    begun = {key: _Begun(Future(), Meter(), Reads()) for key in once}
    work = partial(_open_all, list(zip(once.values(), begun.values(), strict=True)), stamps)
    with suppress(RuntimeError):  # where no thread can be had, nothing is preloaded
        threading.Thread(target=work, name="preload", daemon=True).start()
        _begun.update(begun)


def _open_all(databases: Sequence[tuple[Path, _Begun]], stamps: Path | None) -> None:
    turn = sys.getswitchinterval()
    sys.setswitchinterval(min(turn, _TURN))
    try:
        for path, begun in databases:
            try:
                with begun.reads.noted():
                    database = Database.open(path)
                _check(database, path, stamps, begun.meter)
            except BaseException as error:  # noqa: BLE001 - handed to whoever asks for it
                begun.opened.set_exception(error)
            else:
                begun.opened.set_result(database)
    finally:
        sys.setswitchinterval(turn)


def _check(database: Database, path: Path, stamps: Path | None, meter: Meter) -> None:
    """Have the places read, unless the very octets are known to have passed before."""
    from resolverd.geo import stamp  # which a thread that imports has by now

    if stamps is not None and stamp.is_known(stamps, path, database.sha256):
        return
    with suppress(GeoError):
        database.place_index(meter)
