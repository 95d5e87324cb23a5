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

from resolverd.files.file_systems import WRITTEN_BACK_NS, tells_of_writes
from resolverd.files.reading import (
    THREADS,
    FileState,
    Reads,
    Signature,
    each_open_chunk,
    is_racy,
    key_of,
    open_regular,
    signature_of,
    times_of,
)
from resolverd.files.threads import Step


def still_holds(path: Path, reads: Reads, *, asked_for: bool) -> bool:
    """Whether the file at `path` holds what `reads` noted of it, for a load that was `asked_for`.

    Where the content was read for that, `reads` knows more of it from then on. False where the file
    cannot be read. Blocks as `read_file` does.
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
    # Opened, where its status alone is asked for too: a network file system looks again then.
    descriptor, status = open_regular(name, step)
    try:
        began, signature = time_ns(), signature_of(status)
        if signature == seen.signature and (not asked_for or name in reads.proved):
            return True
        told = hashlib.sha256()  # piece by piece: it may be a database
        each_open_chunk(descriptor, name, reads.limits[name], step, told.update)
        if told.hexdigest() != seen.content:
            return False
        if not is_racy(signature, began):
            reads.seen[name] = FileState(signature, seen.content)
            reads.proved.discard(name)
            if _is_proof(signature, began) and tells_of_writes(descriptor):
                reads.proved.add(name)
        return True
    finally:
        os.close(descriptor)


def _is_proof(signature: Signature, began: int) -> bool:
    """Whether no write after the content was read, from `began` on, can leave the signature."""
    return max(times_of(signature)) < began - WRITTEN_BACK_NS
