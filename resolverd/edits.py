"""Edits to the files that a configuration was read from, as they happen.

Directories are watched rather than files, because editors and deployment tools replace
files by renaming. A burst of changes counts as one edit.
"""

from __future__ import annotations

import fnmatch
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path

import watchfiles

# Milliseconds without a further change that end a burst, and the longest a burst may last.
QUIET_MS = 100
BURST_MS = 1000
POLL_MS = 2000


async def edits(directories: Iterable[Path], patterns: Sequence[Path]) -> AsyncIterator[set[Path]]:
    """The paths changed by each edit that touches a file matching one of `patterns`.

    Every `POLL_MS` without one it gives an empty set, so that the caller can look for what
    no notification told: network file systems, and edits before the watch began.
    """
    globs = [str(pattern) for pattern in patterns]

    def concerns(_change: watchfiles.Change, path: str) -> bool:
        return any(fnmatch.fnmatchcase(path, glob) for glob in globs)

    async for changes in watchfiles.awatch(
        *{directory.absolute() for directory in directories},
        watch_filter=concerns,
        step=QUIET_MS,
        debounce=BURST_MS,
        recursive=False,
        rust_timeout=POLL_MS,
        yield_on_timeout=True,
    ):
        yield {Path(path) for _, path in changes}
