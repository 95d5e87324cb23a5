"""How busy the machine was while something was measured, and who kept it so.

    load_average  of one minute, as the measurement began
    others_cores  cores that other processes were given meanwhile: all CPU time that was not idle,
                  less that of this process and of its children that have ended
    stolen        part of the time that the hypervisor gave to somebody else (``steal``, proc(5))
    waited        part of the time in which some task waited for a core (PSI, "some"); a benchmark
                  that loads all cores makes its own
    seconds       how long it was

What a kernel does not tell is None. `between` and `words` are pure.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

OTHERS_MOST = 0.25
"""Cores that others may take of a machine that is called quiet."""
STOLEN_MOST = 0.02


class Reading(NamedTuple):
    """What the kernel has counted so far; seconds, of all cores together but for `waited`."""

    at: float
    load_average: float | None
    own: float
    busy: float | None
    stolen: float | None
    waited: float | None


def reading(proc: Path = Path("/proc")) -> Reading:
    """Of now."""
    own = sum(os.times()[:4])
    busy, stolen = used(proc / "stat")
    return Reading(
        time.monotonic(),
        _load(proc / "loadavg"),
        own,
        busy,
        stolen,
        _waited(proc / "pressure" / "cpu"),
    )


def between(first: Reading, last: Reading, cores: int) -> dict[str, float | None]:
    """As a result file has it."""
    seconds = max(last.at - first.at, 1e-9)
    own = last.own - first.own
    busy, stolen, waited = (
        None if a is None or b is None else b - a for a, b in zip(first[3:], last[3:], strict=True)
    )
    return {
        "load_average": first.load_average,
        "others_cores": None if busy is None else round(max(0.0, busy - own) / seconds, 2),
        "stolen": None if stolen is None else round(stolen / seconds / cores, 4),
        "waited": None if waited is None else round(waited / seconds, 3),
        "seconds": round(seconds, 1),
    }


def words(busy: Mapping[str, Any] | None, cores: int | None) -> str:
    """What kept the machine busy, or that it was quiet; for the line that names it."""
    if not busy or busy.get("others_cores") is None:
        load = (busy or {}).get("load_average")
        told = "" if load is None else f" but for a load average of {load:.1f}"
        return f"how busy the machine was is not recorded{told}"
    others, stolen = busy["others_cores"], busy.get("stolen") or 0.0
    told = f"others took {others:.1f} of {cores or '?'} cores, load average {_told(busy)} at first"
    if stolen >= STOLEN_MOST:
        told += f", {stolen:.0%} of the time was stolen"
    if is_quiet(busy):
        return f"the machine was quiet ({told})"
    return f"the machine was **busy** ({told}): read ratios, not times"


def is_quiet(busy: Mapping[str, Any]) -> bool:
    """Whether others took so little that times by the clock mean something."""
    others, stolen = busy.get("others_cores"), busy.get("stolen") or 0.0
    return others is not None and others <= OTHERS_MOST and stolen < STOLEN_MOST


def _told(busy: Mapping[str, Any]) -> str:
    load = busy.get("load_average")
    return "unknown" if load is None else f"{load:.1f}"


def _load(path: Path) -> float | None:
    text = _text(path)
    return float(text.split()[0]) if text else None


def used(path: Path) -> tuple[float | None, float | None]:
    """Seconds of all cores that were not idle, and those stolen, from the line "cpu"."""
    for line in _text(path).splitlines():
        if line.startswith("cpu "):
            # user nice system idle iowait irq softirq steal; guests are in user and nice.
            ticks = [int(word) for word in line.split()[1:9]]
            second = os.sysconf("SC_CLK_TCK")
            user, nice, system, _idle, _iowait, irq, softirq, steal = ticks
            return (user + nice + system + irq + softirq) / second, steal / second
    return None, None


def _waited(path: Path) -> float | None:
    for line in _text(path).splitlines():
        kind, *pairs = line.split()
        totals = [pair.partition("=")[2] for pair in pairs if pair.startswith("total=")]
        if kind == "some" and totals:
            return int(totals[0]) / 1e6
    return None


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
