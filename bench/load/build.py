"""Compile the C programs of the benchmarks into ``build/bench/``, when their sources changed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bench.report import ROOT

_SOURCES = ROOT / "bench" / "load"
_LOAD = ("load.c", "query.c", "stamp.c", "tally.c")
_BUILT = ROOT / "build" / "bench"
_FLAGS = ("-O2", "-Wall", "-Wextra", "-Werror", "-pthread")


class Programs(NamedTuple):
    """The two programs, compiled."""

    load: Path
    echo: Path


def compiler() -> str | None:
    """The C compiler: $CC, else cc; None where there is none."""
    return shutil.which(os.environ.get("CC", "cc"))


def build(into: Path = _BUILT) -> Programs:
    """Both programs, compiled now unless they are newer than every source.

    Raises FileNotFoundError without a compiler, CalledProcessError when it refuses.
    """
    into.mkdir(parents=True, exist_ok=True)
    newest = max(path.stat().st_mtime_ns for path in _SOURCES.glob("*.[ch]"))
    return Programs(
        _compile(into / "load", [_SOURCES / name for name in _LOAD], newest),
        _compile(into / "echo", [_SOURCES / "echo.c"], newest),
    )


def compiled(name: str, sources: Sequence[Path], into: Path = _BUILT) -> Path:
    """The program `name` of `sources`, compiled now unless it is newer than all of their folders.

    Raises as `build` does.
    """
    into.mkdir(parents=True, exist_ok=True)
    beside = (path for source in sources for path in source.parent.glob("*.[ch]"))
    newest = max(path.stat().st_mtime_ns for path in beside)
    return _compile(into / name, sources, newest)


def _compile(program: Path, sources: Sequence[Path], newest: int) -> Path:
    if program.exists() and program.stat().st_mtime_ns > newest:
        return program
    found = compiler()
    if found is None:
        raise FileNotFoundError(
            "the bench compiles programs of its own: apt-get install gcc libc-dev"
        )
    paths = [str(source) for source in sources]
    subprocess.run([found, *_FLAGS, "-o", str(program), *paths], check=True)
    return program
