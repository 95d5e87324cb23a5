"""Whether a file that was read still holds what it held, by its signature where that is sure.

A load that watching began takes a file's signature for its content: what was written so that the
signature is the same is found by the next reload that is asked for. That one reads the content
again, unless the signature is one that tells of every write since the content was read last
(`file_systems`): of 100 MB that takes as long as all else of a reload.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from time import time_ns

from resolverd.files.file_systems import tells_of_writes
from resolverd.files.reading import (
    THREADS,
    FileState,
    Reads,
    each_open_chunk,
    key_of,
    open_regular,
)
from resolverd.files.signatures import is_racy, signature_of
from resolverd.files.threads import FileThreads, Step

_SYNCS = FileThreads(limit=1.0)
"""Threads of their own: a disk that is busy writes late what others wait for, and still reads."""


def still_holds(path: Path, reads: Reads, *, asked_for: bool) -> bool:
    """Whether the file at `path` holds what `reads` noted of it, for a load that was `asked_for`.

    Where the content was read for that, `reads` knows more of it from then on. False where the file
    cannot be read. Blocks as `read_file` does, and a second more at most.
    """
    name = key_of(path)
    seen = reads.seen.get(name)
    if seen is None:
        return False
    try:
        return THREADS.run(lambda step: _holds(name, seen, reads, step, asked_for=asked_for))
    except OSError:
        return False


def _holds(name: str, seen: FileState, reads: Reads, step: Step, *, asked_for: bool) -> bool:
    began = time_ns()
    # Opened, where its status alone is asked for too: a network file system looks again then.
    descriptor, status = open_regular(name, step)
    try:
        signature = signature_of(status)
        proved = reads.proved.get(name) == signature
        if signature == seen.signature and (proved or not asked_for):
            return True
        racy = is_racy(signature, began)
        # In this order: a page that was written after its status was asked for and before it was
        # synced is read with what was written; one that is written later changes the times.
        proof = not racy and tells_of_writes(descriptor) and _synced(descriptor, name)
        told = hashlib.sha256()  # piece by piece: it may be a database
        each_open_chunk(descriptor, name, reads.limits[name], step, told.update)
        if told.hexdigest() != seen.content:
            return False
        if not racy:
            reads.seen[name] = FileState(signature, seen.content)
        if proof:
            reads.proved[name] = signature
        return True
    finally:
        os.close(descriptor)


def _synced(descriptor: int, name: str) -> bool:
    """Whether all pages of an open file were written to the disk, within a second."""

    def sync(step: Step, own: int) -> None:
        step(name)
        os.fdatasync(own)

    try:
        _SYNCS.run_with(descriptor, sync)
    except OSError:
        return False
    return True
