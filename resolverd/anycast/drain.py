"""An operator's drain of this edge, kept in a file so that a restart does not end it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from resolverd.errors import ResolverdError
from resolverd.files.reading import MAX_KEPT, read_file
from resolverd.files.writing import replace_file

FILE = "anycast-drain.json"


class DrainError(ResolverdError):
    """The drain cannot be remembered."""


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


def keep(place: Path | None, drain: Drain | None) -> None:
    """Keep it, or forget it. Raises DrainError."""
    if place is None:
        return
    try:
        if drain is None:
            (place / FILE).unlink(missing_ok=True)
            return
        place.mkdir(parents=True, exist_ok=True)
        replace_file(place / FILE, json.dumps(drain._asdict()).encode())
    except OSError as error:
        raise DrainError(f"{place / FILE} cannot be written: {error.strerror}") from error
