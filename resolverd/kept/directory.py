"""The directory `server.state`: files that are written whole, for nobody else to read.

Files have mode 0600 and directories 0700, because what is kept may hold credentials. A crash leaves
the old content of a file or the new one (`files.writing`).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from resolverd.files.reading import read_kept
from resolverd.files.writing import (
    WRITES,
    make_directory,
    removing,
    replace_file,
    replace_filled,
    replacing,
    synchronise,
)

NOT_SET = "server.state is empty"
FORGOTTEN = (
    "a restart forgets overrides, spill rules, verdicts, TTLs given and the files adopted last"
)
"""What follows where nothing can be kept."""


class StateDirectory:
    """The directory at `path`; None where `server.state` is empty.

    `trouble` is why nothing can be kept, as the last attempt found it; empty while all is well.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.trouble = "" if path else NOT_SET

    def try_out(self) -> str:
        """Write a file and take it away again; returns `trouble`. Blocks, for seconds at most."""
        with contextlib.suppress(OSError):
            self.write_in_time("trial", b"resolverd can write here\n")
            self._remove_in_time("trial")
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
        with self._noting(self.path / name):
            _replace(self.path / name, content)

    def write_in_time(self, name: str, content: bytes) -> None:
        """`write` for whoever cannot wait for a disk that hangs: see `files.writing.WRITES`."""
        if self.path is None:
            return
        with self._noting(self.path / name):
            WRITES.run(replacing(self.path / name, content))

    def fill(self, name: str, fill: Callable[[BinaryIO], object]) -> None:
        """`write` of what `fill` writes, which may be large. Raises OSError; blocks."""
        if self.path is None:
            return
        with self._noting(self.path / name):
            make_directory((self.path / name).parent)
            replace_filled(self.path / name, fill)

    def write_unsynchronised(self, name: str, content: bytes) -> None:
        """`write`, but for a crash, after which a part may be there. Raises OSError; blocks."""
        if self.path is None:
            return
        try:
            _replace(self.path / name, content, synchronised=False)
        except OSError as error:
            self.trouble = f"{self.path / name}: {error.strerror or error}"
            raise

    def synchronise(self, names: Sequence[str]) -> None:
        """Make these outlive a crash. Raises OSError; blocks."""
        if self.path is not None:
            for name in names:
                synchronise(self.path / name)

    def remove(self, name: str) -> None:
        """Take a file away, if it is there. Raises OSError; blocks."""
        if self.path is not None:
            (self.path / name).unlink(missing_ok=True)

    def _remove_in_time(self, name: str) -> None:
        """`remove` for whoever cannot wait for a disk that hangs."""
        if self.path is None:
            return
        with self._noting(self.path / name):
            WRITES.run(removing(self.path / name))

    def names(self, below: str) -> list[str]:
        """The names in the directory `below`; none where it cannot be listed."""
        if self.path is None:
            return []
        try:
            return os.listdir(self.path / below)  # noqa: PTH208 - names, not paths
        except OSError:
            return []

    @contextlib.contextmanager
    def _noting(self, path: Path) -> Iterator[None]:
        """Have `trouble` say what came of writing to `path`."""
        try:
            yield
        except OSError as error:
            self.trouble = f"{path}: {error.strerror or error}"
            raise
        self.trouble = ""


def _replace(path: Path, content: bytes, *, synchronised: bool = True) -> None:
    make_directory(path.parent)
    replace_file(path, content, synchronised=synchronised)
