"""A file system that does not answer: a FUSE mount whose server reads no request (fuse(4)).

Calls into it wait until it is unmounted, as those to a dead NFS server wait.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_MNT_FORCE, _MNT_DETACH = 1, 2


@contextmanager
def hanging_mount(directory: Path) -> Iterator[None]:
    """Let everything below `directory` hang. Skips the test where that is not allowed."""
    try:
        server = os.open("/dev/fuse", os.O_RDWR)
    except OSError as wrong:
        pytest.skip(f"/dev/fuse: {wrong.strerror}")
    library = ctypes.CDLL(None, use_errno=True)
    options = f"fd={server},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}"
    target = os.fsencode(directory)
    try:
        if library.mount(b"none", target, b"fuse", 0, options.encode()) != 0:
            pytest.skip(f"mount(2): {os.strerror(ctypes.get_errno())}")
        try:
            yield
        finally:
            library.umount2(target, _MNT_FORCE)
            library.umount2(target, _MNT_DETACH)
    finally:
        os.close(server)
