"""A reader over a private copy of a database, so that nobody can pull it from under us.

maxminddb's C reader maps the file it opens. An operator who overwrites that file in place
truncates the mapping, and the next lookup kills the process with SIGBUS. The bytes therefore
go into an anonymous, sealed memory file first, and the C reader maps that. Where the system
has no memory files, the pure Python reader takes the bytes directly: slower, equally safe.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import os
import struct
from pathlib import Path
from typing import NamedTuple

import maxminddb

from resolverd.files.large import digest_kept
from resolverd.files.reading import MAX_DATABASE, THREADS
from resolverd.files.threads import Step
from resolverd.geo.memory_copy import memory_file

UNREADABLE = (
    maxminddb.InvalidDatabaseError,
    ValueError,
    TypeError,
    IndexError,
    RecursionError,
    SystemError,
    struct.error,
)
"""What a reader raises over a damaged record: its own error, and what it did not foresee.

The C reader lets out SystemError over text that is not UTF-8, and the Python one TypeError
over a map key that is itself a map.
"""


class PrivateReader(NamedTuple):
    """The reader, and the descriptor of the memory file it reads (None without one)."""

    reader: maxminddb.Reader
    descriptor: int | None

    def close(self) -> None:
        """Close both; the memory is free once nobody else has the file open."""
        self.reader.close()
        if self.descriptor is not None:
            os.close(self.descriptor)


def open_private(content: bytes, name: str) -> PrivateReader:
    """Open `content` as a MaxMind DB; the caller closes the result.

    Raises maxminddb.InvalidDatabaseError, and whatever else maxminddb lets out over damaged
    metadata: ValueError, TypeError, KeyError or AttributeError.
    """
    descriptor = _memory_file(content, name)
    if descriptor is not None and (opened := open_sealed(descriptor)):
        return opened
    # io.BytesIO hands its bytes over without a copy.
    return PrivateReader(maxminddb.open_database(io.BytesIO(content), maxminddb.MODE_FD), None)


def open_sealed(descriptor: int) -> PrivateReader | None:
    """Take over a memory file that is written, and seal it; raises as `open_private` does.

    None where there is no /proc to open it by, as in a bare chroot.
    """
    try:
        # Sealing is a second lock on a file nobody else can name; kernels may lack it.
        with contextlib.suppress(OSError):
            fcntl.fcntl(
                descriptor,
                fcntl.F_ADD_SEALS,
                fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL,
            )
        return PrivateReader(maxminddb.open_database(f"/proc/self/fd/{descriptor}"), descriptor)
    except FileNotFoundError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise


def open_shared(path: str, sha256: str) -> PrivateReader | None:
    """Open the memory file that another process names `path` (``/proc/PID/fd/N``).

    None when it is gone, forbidden, or is not the file with that SHA-256, for process and
    descriptor numbers are used again.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(os.dup(descriptor), "rb") as file:
        same = hashlib.file_digest(file, "sha256").hexdigest() == sha256
    if not same:
        os.close(descriptor)
        return None
    return PrivateReader(maxminddb.open_database(f"/proc/self/fd/{descriptor}"), descriptor)


def open_on_disk(path: Path, sha256: str) -> PrivateReader | None:
    """Open a file that we wrote ourselves without mapping it, so that no trouble with the disk is
    more than an exception; it costs a look-up some reads.

    None when it is gone, is not the file with that SHA-256, or the disk hangs. Blocks.
    """

    def opening(step: Step) -> int:
        step(str(path))
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            step(str(path))  # somebody waits for it still
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    try:
        descriptor = THREADS.run(opening)
    except OSError:
        return None
    opened = Path(f"/proc/self/fd/{descriptor}")  # whatever stands at the path by now
    try:
        if digest_kept(opened, MAX_DATABASE) == sha256:
            return PrivateReader(maxminddb.open_database(opened, maxminddb.MODE_FILE), descriptor)
    except OSError:
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _memory_file(content: bytes, name: str) -> int | None:
    """One that holds `content`."""
    descriptor = memory_file(name)
    if descriptor is None:
        return None
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
