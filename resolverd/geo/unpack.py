"""Databases out of whatever they are shipped in: .mmdb, .mmdb.gz, .tar, .tar.gz or .tgz.

The contents decide, never the name. Nothing an archive says about paths is followed: each
database lands in the given directory under its bare file name.
"""

from __future__ import annotations

import gzip
import re
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO

from resolverd.errors import GeoError

_GZIP_MAGIC = b"\x1f\x8b"
_TAR_MAGIC = b"ustar"
_TAR_MAGIC_END = 262
_CHUNK = 2**20


def unpack(archive: Path, name: str, into: Path, max_bytes: int) -> list[Path]:
    """The databases in `archive`, written to `into`; at most `max_bytes` bytes of them.

    `name` is what a database that has no name of its own gets. Raises GeoError when the
    archive is damaged, holds no .mmdb file, or holds more than `max_bytes` bytes.
    """
    into.mkdir(exist_ok=True)
    try:
        with archive.open("rb") as plain:
            packed = plain.read(2) == _GZIP_MAGIC
        if _is_tar(archive, packed):
            return _from_tar(archive, into, max_bytes)
        if not packed:
            target = into / mmdb_name(name)
            shutil.move(archive, target)
            return [target]
        with gzip.open(archive) as unzipped:
            return [_write(unzipped, into / mmdb_name(name), max_bytes)]
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise GeoError(f"{name}: the archive is damaged or incomplete ({error})") from error


def mmdb_name(text: str) -> str:
    """A safe file name that ends in .mmdb, from the last part of a URL path."""
    bare = re.sub(r"(\.gz|\.tgz|\.tar)+$", "", PurePosixPath(text).name)
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", bare).strip(".")
    return safe if safe.endswith(".mmdb") else f"{safe or 'database'}.mmdb"


def _is_tar(archive: Path, packed: bool) -> bool:
    # tarfile.is_tarfile takes any file that begins with zeros for an empty archive.
    with gzip.open(archive) if packed else archive.open("rb") as stream:
        return stream.read(_TAR_MAGIC_END).endswith(_TAR_MAGIC)


def _from_tar(archive: Path, into: Path, max_bytes: int) -> list[Path]:
    found = []
    with tarfile.open(archive) as tar:
        for member in tar:
            if not (member.isreg() and member.name.endswith(".mmdb")):
                continue
            stream = tar.extractfile(member)
            if stream is None:
                continue
            found.append(_write(stream, into / mmdb_name(member.name), max_bytes))
            max_bytes -= member.size
    if not found:
        raise GeoError("the archive holds no .mmdb file; name one that does")
    return found


def _write(stream: IO[bytes] | gzip.GzipFile, target: Path, max_bytes: int) -> Path:
    written = 0
    with target.open("wb") as file:
        while chunk := stream.read(_CHUNK):
            written += len(chunk)
            if written > max_bytes:
                raise GeoError(f"{target.name}: unpacks to more than the {max_bytes} bytes allowed")
            file.write(chunk)
    return target
