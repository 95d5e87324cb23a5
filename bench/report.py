"""Where benchmarks put what they measured: a table on the screen, JSON in a file."""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
# The command of a healthy endpoint process; to be run in ROOT.
ENDPOINT = (sys.executable, "-m", "bench.health.endpoint")


def write(name: str, measured: Mapping[str, Any]) -> Path:
    """Write ``bench/results/NAME.json`` with the machine, interpreter and commit beside it."""
    path = ROOT / "bench" / "results" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"name": name, **machine(), **measured}, indent=2) + "\n")
    return path


def machine() -> dict[str, Any]:
    """What a number needs beside it to mean something elsewhere."""
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return {
        "platform": platform.platform(),
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "commit": commit.stdout.strip() or None,
    }


def show(title: str, rows: Sequence[Sequence[object]]) -> None:
    """Print a small table; the first row is its head."""
    texts = [[f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in r] for r in rows]
    widths = [max(len(row[n]) for row in texts) for n in range(len(texts[0]))]
    print(f"\n{title}")
    for row in texts:
        print("  " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))


def allow_files(count: int) -> None:
    """Raise this process's limit of open files to `count`, or as far as it may."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = count if hard == resource.RLIM_INFINITY else min(count, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor()
