"""Files as they were at another time, laid over those on disk while one load reads them.

A load that is noted by `Reads` with a `Replay` reads these in the place of what the disk holds now;
everything that is not in it is read from the disk.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Replay:
    """What takes the place of files, by their absolute paths.

    `contents` reads one, and raises OSError where it cannot. `globs` is what each (directory,
    pattern) matched; one that is not there is asked of the disk, less what is `hidden`. `places`
    is where copies of large files lie, which are opened there and not read through this.
    """

    contents: Mapping[str, Callable[[], bytes]] = field(default_factory=dict)
    globs: Mapping[tuple[str, str], list[str]] = field(default_factory=dict)
    hidden: Collection[str] = ()
    places: Mapping[str, Path] = field(default_factory=dict)


ON_DISK = Replay()
"""Nothing but what the disk holds."""
