"""Where `resolverd plan` and `resolverd register` are tried: the shipped configuration."""

from __future__ import annotations

import shutil
from pathlib import Path

from cli.command import ROOT


def write_place(place: Path) -> None:
    """The shipped configuration with its zones."""
    shutil.copy(ROOT / "resolverd.toml", place)
    shutil.copytree(ROOT / "zones", place / "zones")
