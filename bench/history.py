"""The last record of a result: what is committed of its file, whatever lies in the work tree.

And the figures of a result file, of whichever age.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from bench.figures import Figure, read
from bench.report import ROOT
from bench.sections import figures_of


def committed(result: str, revision: str = "HEAD", root: Path = ROOT) -> dict[str, Any] | None:
    """``bench/results/RESULT.json`` of `revision`; None without git, repository or such a file.

    Raises ValueError for one that is not JSON.
    """
    command = ["git", "show", f"{revision}:./bench/results/{result}.json"]
    try:
        ran = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    except OSError:
        return None
    if ran.returncode != 0:
        return None
    document: dict[str, Any] = json.loads(ran.stdout)
    return document


def figures_in(document: dict[str, Any]) -> list[Figure]:
    """Those that it was written with; of an older file those that its section finds in it now."""
    if "figures" in document:
        return read(document["figures"])
    try:
        return figures_of(document)
    except (KeyError, TypeError, ValueError):  # of another shape, before its section was written
        return []
