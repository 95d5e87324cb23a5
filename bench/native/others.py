"""What others than server, generator and bench took of the machine while a turn was measured."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path
from typing import Self

from bench import busy
from bench.peers.process import cpu_ns


class Others:
    """The cores that others kept busy, the hypervisor's other guests among them.

    ::

        with Others() as others: …
        others.cores   0.02: two per cent of one core
    """

    def __enter__(self) -> Self:
        self._busy, self._own, self._since = _busy_s(), _own_s(), time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        elapsed = time.monotonic() - self._since
        taken = _busy_s() - self._busy - (_own_s() - self._own)
        self.cores = max(0.0, taken / elapsed)


def _busy_s() -> float:
    return sum(part or 0.0 for part in busy.used(Path("/proc/stat")))


def _own_s() -> float:
    """Of this process and all below it: those that live, and those that have ended."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return cpu_ns(os.getpid()) / 1e9 + ended.ru_utime + ended.ru_stime
