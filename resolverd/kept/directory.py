"""The directory `server.state`: files that are written whole, for nobody else to read.

Files have mode 0600 and directories 0700, because what is kept may hold credentials. A file is
written beside its place, synchronised and renamed, so that a crash leaves the old or the new one.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from resolverd.files.reading import read_kept

NOT_SET = "server.state is empty"


class StateDirectory:
    """The directory at `path`; None where `server.state` is empty.

    `trouble` is why nothing can be kept, as the last attempt found it; empty while all is well.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.trouble = "" if path else NOT_SET

    def try_out(self) -> str:
        """Write a file and take it away again; returns `trouble`. Blocks."""
        with contextlib.suppress(OSError):
            self.write("trial", b"resolverd can write here\n")
            self.remove("trial")
        return self.trouble

    def read(self, name: str) -> bytes:
        """What was written under `name`. Raises OSError; blocks."""
        if self.path is None:
            raise FileNotFoundError(name)
        return read_kept(self.path / name)

    def write(self, name: str, content: bytes) -> None:
        """Put `content` in the place of what was there. Raises OSError; blocks."""
        if self.path is None:
            return
        try:
            _replace(self.path / name, content)
        except OSError as wrong:
            self.trouble = f"{self.path / name}: {wrong.strerror or wrong}"
            raise
        self.trouble = ""

    def write_unsynchronised(self, name: str, content: bytes) -> None:
        """`write`, but for a crash, after which a part may be there. Raises OSError; blocks."""
        if self.path is None:
            return
        try:
            _replace(self.path / name, content, synchronise=False)
        except OSError as wrong:
            self.trouble = f"{self.path / name}: {wrong.strerror or wrong}"
            raise

    def synchronise(self, names: Sequence[str]) -> None:
        """Make these outlive a crash. Raises OSError; blocks."""
        if self.path is not None:
            for name in names:
                _synchronise(self.path / name)

    def remove(self, name: str) -> None:
        """Take a file away, if it is there. Raises OSError; blocks."""
        if self.path is not None:
            (self.path / name).unlink(missing_ok=True)

    def names(self, below: str) -> list[str]:
        """The names in the directory `below`; none where it cannot be listed."""
        if self.path is None:
            return []
        try:
            return os.listdir(self.path / below)  # noqa: PTH208 - names, not paths
        except OSError:
            return []


def _replace(path: Path, content: bytes, *, synchronise: bool = True) -> None:
    _make(path.parent)
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    try:
        descriptor = os.open(
            fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
        )
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            if synchronise:
                os.fsync(file.fileno())
        fresh.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise
    if synchronise:
        _synchronise(path.parent)  # the renaming


def _make(path: Path) -> None:
    """A directory and those above it, where they are not there, for their owner alone.

    `Path.mkdir` gives those above the default mode.
    """
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        return
    except FileNotFoundError:
        _make(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)


def _synchronise(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
