"""An operator's drain of this edge, kept in a file so that a restart does not end it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

from resolverd.errors import ResolverdError
from resolverd.files.reading import MAX_KEPT, read_file
from resolverd.files.threads import Step
from resolverd.files.writing import WRITES, make_directory, removing, replace_filled, why_not

FILE = "anycast-drain.json"


class DrainError(ResolverdError):
    """The drain cannot be remembered, or not be forgotten."""


class Drain(NamedTuple):
    """Who drained this edge, and why; `at` in Unix seconds."""

    who: str
    why: str
    at: float

    @property
    def text(self) -> str:
        """In words."""
        return f"{self.why} ({self.who})" if self.why else f"by {self.who}"


def directory(setting: str, base: Path, environ: Mapping[str, str] = os.environ) -> Path | None:
    """Where it is kept: as configured, else where systemd says, else nowhere."""
    if setting:
        return base / setting
    given = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    return Path(given) if given else None


def read(place: Path | None) -> Drain | None:
    """The drain that is kept. One that cannot be read is one: whoever wrote it wanted it."""
    if place is None:
        return None
    try:
        tree = json.loads(read_file(place / FILE, MAX_KEPT))
        return Drain(str(tree["who"]), str(tree["why"]), float(tree["at"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        return Drain("nobody known", f"{place / FILE} cannot be read: {error}", 0.0)


async def keep(place: Path | None, drain: Drain | None) -> None:
    """Keep it, or forget it; the event loop goes on meanwhile. Raises DrainError."""
    if place is None:
        return
    path, done = place / FILE, "removed" if drain is None else "written"
    try:
        await WRITES.call(removing(path) if drain is None else partial(_write, path, drain))
    except OSError as error:
        raise DrainError(f"{path} cannot be {done}: {why_not(error)}") from error


def _write(path: Path, drain: Drain, step: Step) -> None:
    def fill(file: BinaryIO) -> None:
        file.write(json.dumps(drain._asdict()).encode())
        file.flush()
        os.fsync(file.fileno())
        step(str(path))  # a drain that was given up must not be in force after a restart

    step(str(path))
    make_directory(path.parent)
    replace_filled(path, fill)
