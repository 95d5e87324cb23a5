"""Signatures of files: what changes with almost every write, and when it is sure to."""

from __future__ import annotations

import os

# A write in the same tick of the kernel's clock leaves the times as they are; ticks are 10 ms at
# most, and some file systems count whole seconds.
_RACY_NS = 2_000_000_000

Signature = tuple[int, int, int, int, int]
"""Device, inode, size, and times of modification and of status change (ns), of stat(2)."""

NO_SIGNATURE: Signature = (0, 0, 0, 0, 0)
"""Of no file: whoever compares with it reads the content."""


def signature_of(status: os.stat_result) -> Signature:
    """The signature of a file, from its status."""
    times = status.st_mtime_ns, status.st_ctime_ns
    return status.st_dev, status.st_ino, status.st_size, *times


def sure_signature(status: os.stat_result, began: int) -> Signature:
    """That signature, or none where a write after `began`, Unix time in ns, may leave it as it is.

    `began` is from before the status was asked for, and so from before any content was read.
    """
    signature = signature_of(status)
    return NO_SIGNATURE if is_racy(signature, began) else signature


def is_racy(signature: Signature, began: int) -> bool:
    """Whether a write after `began`, Unix time in ns, may leave the signature as it is."""
    *_, modified, changed = signature
    return max(modified, changed) > began - _RACY_NS
