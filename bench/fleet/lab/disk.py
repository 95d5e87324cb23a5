"""A small file system laid over a directory, which can be filled to its last octet."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from bench.fleet.lab.namespaces import run

_FILLER = "filler"


class Disk:
    """From its making to `close`; `size` as tmpfs takes it, such as ``16m``."""

    def __init__(self, folder: Path, size: str) -> None:
        self._folder, self.full = folder, False
        run("mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(folder))

    def fill(self) -> None:
        """Leave no octet free."""
        self.full = True
        filler = os.open(self._folder / _FILLER, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            while os.write(filler, bytes(4096)):
                pass
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
        finally:
            os.close(filler)

    def empty(self) -> None:
        """Undo it."""
        self.full = False
        (self._folder / _FILLER).unlink(missing_ok=True)

    def close(self) -> None:
        """Take it away; who has files open there has to have ended."""
        run("umount", "--lazy", str(self._folder))
