"""The embedded database as an earlier start unpacked it, in `embedded` of `server.state`.

To unpack it takes 65 ms of CPU and 35 MiB for a moment, to read what came of it 14 ms and 4 MiB.
Its file is named by its SHA-256, and that of its octets decides whether it is the one that ships:
any other is passed over, and replaced by the daemon alone.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Collection
from pathlib import Path

from resolverd import log
from resolverd.errors import GeoError
from resolverd.files.large import copy_kept, digest_kept
from resolverd.files.reading import MAX_DATABASE
from resolverd.files.writing import make_directory, replace_filled
from resolverd.geo import embedded
from resolverd.geo.database import Database
from resolverd.geo.memory_copy import MemoryCopy, memory_file

DIRECTORY = "embedded"
# What is kept, and what a process that ended while it wrote has left.
_OURS = re.compile(r"([0-9a-f]{64})\.mmdb|\.[0-9a-f]{64}\.mmdb\.new")
# Octets that are left to others: what is adopted, maps and how things stand are each written anew
# beside what they replace, and are worth more than the 50 ms that this spares.
_SPARE = 64 << 20

_log = log.get("geo")


def open_embedded(state: Path | None) -> Database:
    """The embedded database, as it is kept in `state`, which is `server.state`, or unpacked.

    Blocks. Raises GeoError where the installation is damaged.
    """
    copy = _copied(_path(state)) if state else None
    if copy is not None and (kept := Database.sealed(copy, embedded.NAME)) is not None:
        return kept
    return Database.of(embedded.content(), embedded.NAME)


class KeptEmbedded:
    """That in `state`, which is `server.state`; None where nothing is kept."""

    def __init__(self, state: Path | None) -> None:
        self._state = state
        self._is_sound = False  # what lies there, as far as it was looked at
        self._said = ""

    def keep(self, databases: Collection[Database]) -> None:
        """Keep the embedded database if it is among these, and else none.

        Blocks; a failure costs the next start time, and is said once.
        """
        if self._state is None:
            return
        try:
            self._keep(_path(self._state), databases)
        except (OSError, GeoError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            if reason != self._said:
                consequence = "the next start unpacks it anew"
                _log.warning("geo.not_kept", reason=reason, consequence=consequence)
            self._said = reason
        else:
            self._said = ""

    def _keep(self, path: Path, databases: Collection[Database]) -> None:
        by_digest = {each.sha256: each for each in databases}
        if path.parent.is_dir():
            for other in path.parent.iterdir():
                ours = _OURS.fullmatch(other.name)
                if ours and ours[1] not in by_digest:
                    other.unlink(missing_ok=True)
        served = by_digest.get(embedded.SHA256)
        if served is None or self._is_kept(path):
            return
        make_directory(path.parent)
        with served.lend() as content:
            room = os.statvfs(path.parent)
            if room.f_bavail * room.f_frsize < len(content) + _SPARE:
                raise OSError(errno.ENOSPC, f"it would leave less than {_SPARE >> 20} MiB free")
            replace_filled(path, lambda file: file.write(content), synchronised=False)
        self._is_sound = True

    def _is_kept(self, path: Path) -> bool:
        """Whether it lies there; its octets are read for that once."""
        try:
            if self._is_sound:
                return path.exists()
            self._is_sound = digest_kept(path, MAX_DATABASE) == embedded.SHA256
        except OSError:
            return False
        return self._is_sound


def _path(state: Path) -> Path:
    return state / DIRECTORY / f"{embedded.SHA256}.mmdb"


def _copied(path: Path) -> MemoryCopy | None:
    """A copy in memory; None where it is not there, or is not the one that ships."""
    descriptor = memory_file(path.name)
    if descriptor is None:
        return None
    try:
        if copy_kept(path, MAX_DATABASE, descriptor) == embedded.SHA256:
            return MemoryCopy(descriptor, embedded.SHA256)
    except OSError:
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None
