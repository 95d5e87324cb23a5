"""Files that systemd gives to a unit by LoadCredential= (systemd.exec(5)).

Each is known by the name that it was given under, and lies in $CREDENTIALS_DIRECTORY.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def credentials_directory() -> Path | None:
    """Where this unit's are; None where it has none."""
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    return Path(directory) if directory else None


def file_named(name: str, base: Path) -> Path:
    """The file that an option names: one that this unit was given under that name, else a path.

    A path is relative to `base`. So a verb that an operator runs, which is given none, reads by the
    same name the file that lies there.
    """
    directory = credentials_directory()
    if directory is not None and "/" not in name:
        with suppress(OSError):  # of a name that no file can have
            if (given := directory / name).is_file():
                return given
    return base / name
