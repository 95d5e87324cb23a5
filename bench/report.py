"""Where benchmarks put what they measured: a table on the screen, JSON in a file.

A result file has ``name``, the machine and commit, how busy the machine was (`bench.busy`),
``figures`` (`bench.figures`) and whatever else its benchmark knows. It goes to ``bench/results/``,
the record that is committed, and the pages that show it are written with it; where the environment
has ``BENCH_RESULTS``, it goes to that directory alone.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import busy

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results"
# What a commit must have unchanged for its figures to be its own.
_MEASURED = ("resolverd", "native", "bench", ":!bench/results")
# The command of a healthy endpoint process; to be run in ROOT.
ENDPOINT = (sys.executable, "-m", "bench.health.endpoint")


_BEGUN = busy.reading()


def write(name: str, measured: Mapping[str, Any]) -> Path:
    """Write ``NAME.json`` with figures, machine, commit and load, and the pages that show it."""
    # Sections read what benchmarks wrote, and some of these write by this module.
    from bench.sections import with_figures
    from bench.write import write_pages

    known = machine()
    taken = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "busy": busy.between(_BEGUN, busy.reading(), known["cores"] or 1),
    }
    path = results() / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"name": name, **known, **taken, **measured}
    # First as it is: what took minutes to measure is not lost to a section that cannot read it.
    path.write_text(json.dumps(document, indent=2) + "\n")
    path.write_text(json.dumps(with_figures(document), indent=2) + "\n")
    if path.parent.resolve() == RESULTS:
        write_pages()
    return path


def results() -> Path:
    """The directory of this run's result files."""
    elsewhere = os.environ.get("BENCH_RESULTS")
    return ROOT / elsewhere if elsewhere else RESULTS


def machine() -> dict[str, Any]:
    """What a number needs beside it to mean something elsewhere."""
    changed = _git("status", "--porcelain", "--", *_MEASURED)
    return {
        "platform": platform.platform(),
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "commit": _git("rev-parse", "HEAD"),
        "changed": bool(changed),
    }


def _git(*words: str) -> str | None:
    """What it prints; None where there is no repository, or no git."""
    try:
        ran = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return ran.stdout.strip() or None if ran.returncode == 0 else None


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
