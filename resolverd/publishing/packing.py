"""A set of files as octets, and back: a tar archive (POSIX.1-2001 pax), compressed by gzip.

A set is contents by name. Names are relative to the configuration's directory, with slashes;
`resolverd.toml` is the configuration whatever it was called, and `resolverd.d/` its fragments. The
digest is that of the names and contents, not of the archive: the same files are the same set.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import PurePosixPath

from resolverd.errors import ResolverdError

MAX_SET = 1 << 30
"""The most octets of all files of a set together; larger ones are refused, before the memory is."""

_FAST = 1


class PackingError(ResolverdError):
    """What is there is no set, or not the one that was asked for; the message says why."""


def digest_of_set(files: Mapping[str, bytes]) -> str:
    """The SHA-256, in hexadecimal, of a set: of what sha256sum(1) prints of it, sorted by name."""
    whole = hashlib.sha256()
    for name in sorted(files):
        line = f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n"
        whole.update(line.encode())
    return whole.hexdigest()


def pack(files: Mapping[str, bytes]) -> bytes:
    """The archive of a set: the same octets for the same set. Raises PackingError."""
    if sum(map(len, files.values())) > MAX_SET:
        raise PackingError(f"the set is larger than {MAX_SET >> 30} GiB")
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(files):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(files[name]), 0o600
            tar.addfile(member, io.BytesIO(files[name]))
    return gzip.compress(archive.getvalue(), _FAST, mtime=0)


def unpack(archive: bytes, digest: str) -> dict[str, bytes]:
    """The set of an archive, whose digest has to be this. Raises PackingError."""
    try:
        files = _members(_expanded(archive))
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError) as error:
        raise PackingError(f"it is damaged: {error}") from error
    found = digest_of_set(files)
    if found != digest:
        raise PackingError(f"its SHA-256 is {found[:12]}…, and {digest[:12]}… was published")
    return files


def _expanded(archive: bytes) -> bytes:
    with gzip.GzipFile(fileobj=io.BytesIO(archive)) as file:
        expanded = file.read(MAX_SET + 1)
    if len(expanded) > MAX_SET:
        raise PackingError(f"it is larger than {MAX_SET >> 30} GiB")
    return expanded


def _members(archive: bytes) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as tar:
        for member in tar:
            # One with holes is short here and as large as it likes once it is read.
            if not member.isreg() or member.issparse() or not is_inside(member.name):
                raise PackingError(f'it has "{member.name}", which is no file of a set')
            content = tar.extractfile(member)
            assert content is not None
            files[member.name] = content.read()
    return files


def is_inside(name: str) -> bool:
    """Whether `name` is a plain one below the directory of a set."""
    path = PurePosixPath(name)
    plain = str(path) == name and "\0" not in name
    return plain and not path.is_absolute() and ".." not in path.parts and bool(path.parts)
