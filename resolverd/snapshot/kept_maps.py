"""Compiled maps kept over restarts, in `maps` of `server.state`.

A map of a city database takes seconds of CPU to compile, and a restart compiles the same one again.
So each is kept under the digest of all that it was compiled of: the databases, the geography, the
countries' table and the library itself. Whatever of these changes, it is another map; what is kept
can be stale by nothing else. Maps with measured times are not kept, for tables change each minute.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import BinaryIO

from resolverd import log
from resolverd.abi.countries import table_of
from resolverd.abi.library import path_of_library
from resolverd.abi.map import Geography, NativeMap
from resolverd.files.large import digest_kept
from resolverd.files.reading import THREADS, read_kept
from resolverd.files.threads import Step
from resolverd.files.writing import make_directory, replace_filled
from resolverd.geo.countries import countries

DIRECTORY = "maps"
_SUFFIX = ".map"
_DIGEST = hashlib.sha256().digest_size
# Octets of a file; the leaves of the largest map that can be.
_MAX_OCTETS = 2**30

_log = log.get("snapshot")


class KeptMaps:
    """Those in `state`, which is `server.state`; None where nothing is kept."""

    def __init__(self, state: Path | None) -> None:
        self._directory = state / DIRECTORY if state else None
        self._unreadable: set[str] = set()  # names of files, which are to be written anew

    def empty(self) -> bool:
        """Whether nothing is kept, as at a first start; False where that cannot be told. Blocks."""
        if self._directory is None:
            return True
        path = self._directory

        def look(step: Step) -> bool:
            step(f"{path}/")
            return next(path.iterdir(), None) is None

        try:
            return THREADS.run(look)
        except FileNotFoundError:
            return True
        except OSError:
            return False

    def find(self, key: str, geography: Geography) -> NativeMap | None:
        """The map of this key, which was compiled for `geography`; None where there is none."""
        if self._directory is None:
            return None
        path = self._directory / f"{key}{_SUFFIX}"
        try:
            content = read_kept(path, _MAX_OCTETS)
        except FileNotFoundError:
            return None
        except OSError as error:
            self._cannot_read(path, error.strerror or str(error))
            return None
        found = None
        # Without a copy: it is about as large as the map that is made of it.
        if hashlib.sha256(memoryview(content)[_DIGEST:]).digest() == content[:_DIGEST]:
            found = NativeMap.restored(content, geography, _DIGEST)
        if found is None:
            self._cannot_read(path, "it is damaged")
        return found

    def _cannot_read(self, path: Path, reason: str) -> None:
        self._unreadable.add(path.name)
        _log.warning("map.unreadable", file=str(path), reason=reason)

    def keep(self, maps: Mapping[str, NativeMap]) -> None:
        """Keep these, by their keys, and no others. Blocks; a failure costs the next start time."""
        if self._directory is None:
            return
        wanted = {f"{key}{_SUFFIX}": made for key, made in maps.items()}
        try:
            make_directory(self._directory)
            for name, made in wanted.items():
                if name in self._unreadable or not (self._directory / name).exists():
                    fill = partial(_write, made.saved())
                    replace_filled(self._directory / name, fill, synchronised=False)
                    self._unreadable.discard(name)
            for path in self._others(wanted):
                path.unlink(missing_ok=True)
        except OSError as error:
            _log.warning(
                "map.not_kept",
                reason=error.strerror or str(error),
                consequence="the next start compiles the maps anew",
            )

    def _others(self, wanted: Iterable[str]) -> Iterator[Path]:
        assert self._directory is not None
        with suppress(FileNotFoundError):
            names = {*wanted}
            yield from (path for path in self._directory.iterdir() if path.name not in names)


def _write(saved: memoryview, file: BinaryIO) -> None:
    file.write(hashlib.sha256(saved).digest())
    file.write(saved)


def key_of(digests: Sequence[str], geography: Geography) -> str:
    """By what a map is known: databases by their SHA-256 in the order asked, and the geography."""
    told = hashlib.sha256(_library())
    for part in ("\n".join(digests).encode(), geography.octets()):
        told.update(len(part).to_bytes(8, "big") + part)
    return told.hexdigest()[:32]


@cache
def _library() -> bytes:
    """The digest of what compiles: the library, and the countries that it is given."""
    told = hashlib.sha256(bytes.fromhex(digest_kept(path_of_library(), _MAX_OCTETS)))
    told.update(table_of(countries()))
    return told.digest()
