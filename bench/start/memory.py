"""What memory a server has, read from /proc: all in MiB, over all its processes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from bench.peers.process import tree

_MEBI = 2**20
_SEALED = "/memfd:"


def held(pids: Iterable[int]) -> float:
    """What processes have resident now, and sealed copies whether or not they are mapped."""
    pids = list(pids)
    own = sum(_kib(pid, "status", name) for pid in pids for name in ("RssAnon", "RssFile"))
    return own / 1024 + _sealed(pids)


def resident(pids: Iterable[int]) -> float:
    """What processes have resident now, as the kernel counts it."""
    return sum(_kib(pid, "status", "VmRSS") for pid in pids) / 1024


def resident_peak(root: int) -> float:
    """The most that `root` had resident since it began, or since `reset_peaks`."""
    return _kib(root, "status", "VmHWM") / 1024


def reset_peaks(root: int) -> None:
    """Have `resident_peak` count from now on (proc(5), clear_refs)."""
    Path(f"/proc/{root}/clear_refs").write_text("5")


def resident_peaks(root: int) -> float:
    """The sum of `resident_peak` of `root` and of each process below it."""
    return sum(map(resident_peak, tree(root)))


def proportional(root: int) -> float:
    """What `root` and those below it have resident, pages that others share counted in part."""
    return _rolled_up(tree(root), "Pss")


def steady(root: int) -> tuple[float, float]:
    """What is held, pages that others share counted in part; and the proportional set alone."""
    pids = tree(root)
    shared = _rolled_up(pids, "Pss")
    return shared - _rolled_up(pids, "Pss_Shmem") + _sealed(pids), shared


def _rolled_up(pids: Iterable[int], name: str) -> float:
    return sum(_kib(pid, "smaps_rollup", name) for pid in pids) / 1024


def _sealed(pids: Iterable[int]) -> float:
    """Memory files that these processes have open, each once."""
    sizes = {}
    for pid in pids:
        with suppress(OSError):  # it ended meanwhile
            for entry in Path(f"/proc/{pid}/fd").iterdir():
                with suppress(OSError):  # it was closed meanwhile
                    if str(entry.readlink()).startswith(_SEALED):
                        known = entry.stat()
                        sizes[known.st_ino] = known.st_blocks * 512
    return sum(sizes.values()) / _MEBI


def _kib(pid: int, file: str, name: str) -> int:
    try:
        text = Path(f"/proc/{pid}/{file}").read_text()
    except OSError:
        return 0
    found = re.search(rf"^{name}:\s+(\d+) kB", text, re.M)
    return int(found[1]) if found else 0
