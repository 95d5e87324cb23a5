"""Clocks of single processes that can be stepped: libfaketime (Debian: faketime).

A time namespace moves the monotonic clock and not the one that tells the time of day
(time_namespaces(7)), and a step of the machine's own clock would be everybody's. So the daemon of
an edge runs under libfaketime, which shifts what it reads of CLOCK_REALTIME by an offset that it
reads from a file each second; its monotonic clock, timers and timeouts stay as they are, and so do
the kernel's file times. nats-server is a static Go program that asks the kernel by itself:
libfaketime does not reach it, and its clock is not stepped here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_LIBRARIES = ("/usr/lib/*/faketime/libfaketime.so.1", "/usr/lib/faketime/libfaketime.so.1")


def library() -> Path | None:
    """libfaketime for programs of one thread or many; None where it is not installed."""
    for pattern in _LIBRARIES:
        for found in sorted(Path("/").glob(pattern[1:])):
            threaded = found.with_name("libfaketimeMT.so.1")
            return threaded if threaded.exists() else found
    return None


class Clock:
    """The clock of an edge, right at first."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._said("+0")

    def environment(self) -> Mapping[str, str]:
        """What a process has in its environment to have this clock; nothing without libfaketime."""
        shim = library()
        if shim is None:
            return {}
        return {
            "LD_PRELOAD": str(shim),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",  # seconds; to read the file at each call costs seconds
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_RESET": "1",
        }

    def step(self, seconds: float) -> None:
        """From now on it is so much ahead of the machine's, or behind for less than 0."""
        self._said(f"{seconds:+.0f}")

    def _said(self, offset: str) -> None:
        # Whole at any moment: a process reads it whenever it asks for the time.
        written = self._file.with_suffix(".new")
        written.write_text(f"{offset}\n")
        written.replace(self._file)
