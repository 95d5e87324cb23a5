"""A database copied into memory, where nobody else can name it: what comes before any reader of it.

A start begins with this before it has imported anything else, so neither has this.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from resolverd.errors import GeoError
from resolverd.files.large import copy_into_memory
from resolverd.files.reading import MAX_DATABASE


class MemoryCopy(NamedTuple):
    """The descriptor of a memory file that holds a whole file, and the SHA-256 of that."""

    descriptor: int
    sha256: str


def memory_copy(path: Path) -> MemoryCopy | None:
    """A copy of the file at `path`; None where there are no memory files.

    Raises GeoError when it cannot be read, or is over 2 GiB.
    """
    descriptor = memory_file(path.name)
    if descriptor is None:
        return None
    try:
        with readable(path):
            return MemoryCopy(descriptor, copy_into_memory(path, MAX_DATABASE, descriptor))
    except BaseException:
        os.close(descriptor)
        raise


def memory_file(name: str) -> int | None:
    """An anonymous file with nothing in it, or None where there is no such thing."""
    if sys.platform != "linux":
        return None
    return os.memfd_create(name[-100:], os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Raises GeoError for the OSError of reading the database at `path`."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise GeoError(
                f"{path}: over 2 GiB, larger than any city database; name another"
            ) from error
        raise GeoError(
            f"{path}: {error.strerror}; name a database that exists and can be read, "
            "or get one with `resolverd geo fetch`"
        ) from error
