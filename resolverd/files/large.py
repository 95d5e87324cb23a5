"""Files that may be as large as a database: their digests, and copies, made piece by piece.

What is read so is never in memory whole. Blocks as `read_file` does, and raises OSError as it does.
"""

from __future__ import annotations

import errno
import hashlib
import mmap
import os
from collections.abc import Callable
from pathlib import Path

from resolverd.files.reading import (
    THREADS,
    Chunk,
    each_chunk,
    key_of,
    note_digest,
    note_unread,
    send_regular,
)
from resolverd.files.signatures import Signature
from resolverd.files.threads import Step

# Octets that are mapped at once.
_WINDOW = 16 << 20


def copy_file(path: Path, limit: int, descriptor: int) -> str:
    """`read_file` of what may be large: written to `descriptor` piece by piece; its SHA-256."""
    return _noted(path, limit, lambda name: _copied(name, limit, descriptor))


def copy_kept(path: Path, limit: int, descriptor: int) -> str:
    """`copy_file` of a file that we wrote ourselves, which is no part of an edit."""
    return _copied(key_of(path), limit, descriptor)[1]


def copy_into_memory(path: Path, limit: int, descriptor: int) -> str:
    """`copy_file` into a memory file that is empty: by the kernel, and told from there.

    A hundred megabytes are a few calls, between which whoever else runs Python is waited for.
    """

    def read(name: str) -> tuple[Signature, str]:
        try:
            signature = THREADS.run_with(
                descriptor, lambda step, target: send_regular(name, limit, step, target)
            )
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            os.ftruncate(descriptor, os.lseek(descriptor, 0, os.SEEK_SET))
            return _copied(name, limit, descriptor)
        return signature, _digest_in_memory(descriptor)

    return _noted(path, limit, read)


def _digest_in_memory(descriptor: int) -> str:
    """Through a window, as what is mapped counts as resident."""
    told, size = hashlib.sha256(), os.fstat(descriptor).st_size
    for start in range(0, size, _WINDOW):
        length = min(_WINDOW, size - start)
        with mmap.mmap(descriptor, length, access=mmap.ACCESS_READ, offset=start) as content:
            told.update(content)
    return told.hexdigest()


def _copied(name: str, limit: int, descriptor: int) -> tuple[Signature, str]:
    told = hashlib.sha256()

    def copy(step: Step, target: int) -> Signature:
        with os.fdopen(target, "wb", buffering=0, closefd=False) as file:

            def write(chunk: Chunk) -> None:
                told.update(chunk)
                while chunk:
                    chunk = chunk[file.write(chunk) :]

            return each_chunk(name, limit, step, write)

    return THREADS.run_with(descriptor, copy), told.hexdigest()


def digest_file(path: Path, limit: int) -> str:
    """The SHA-256 of what may be large, noted as `read_file` does. Raises OSError as it does."""
    return _noted(
        path, limit, lambda name: THREADS.run(lambda step: digest_regular(name, limit, step))
    )


def digest_kept(path: Path, limit: int) -> str:
    """The SHA-256 of a file that is no part of an edit. Raises OSError as `read_file` does."""
    return THREADS.run(lambda step: digest_regular(key_of(path), limit, step))[1]


def digest_regular(name: str, limit: int, step: Step) -> tuple[Signature, str]:
    """A file's signature where it is sure, and the content's SHA-256.

    Piece by piece, for what may be a database. Raises OSError.
    """
    told = hashlib.sha256()
    signature = each_chunk(name, limit, step, told.update)
    return signature, told.hexdigest()


def _noted(path: Path, limit: int, read: Callable[[str], tuple[Signature, str]]) -> str:
    """The SHA-256 that `read` finds, noted as `read_file` does."""
    name = key_of(path)
    try:
        signature, digest = read(name)
    except OSError as error:
        note_unread(name, error, limit)
        raise
    note_digest(name, signature, digest, limit)
    return digest
