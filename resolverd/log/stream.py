"""Standard error for Python code that prints: whole lines go to the queue, and nobody waits."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable

# Octets of a line without an end that are kept until it comes; then what is there is one line.
_MAX_PARTIAL_LINE = 64 * 1024


class LineStream(io.TextIOBase):
    """Takes the place of `sys.stderr`; `take` is called with each whole line, its end included.

    `descriptor` and `terminal` are of the stream whose place it takes.
    """

    def __init__(self, take: Callable[[str], None], descriptor: int, *, terminal: bool) -> None:
        self.take = take
        self._descriptor, self._terminal = descriptor, terminal
        self._begun = ""
        self._lock = threading.RLock()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """UTF-8; what it lacks (lone surrogates) is escaped with backslashes."""
        return "utf-8"

    def writable(self) -> bool:
        """True: `io` asks before it writes."""
        return True

    def isatty(self) -> bool:
        """Whether a terminal shows it."""
        return self._terminal

    def fileno(self) -> int:
        """The descriptor of the stream whose place it takes, for those who write past Python."""
        return self._descriptor

    def write(self, text: str) -> int:
        """Queue the lines that are whole now; never fails, never waits."""
        with self._lock:
            *lines, self._begun = (self._begun + text).split("\n")
            if len(self._begun) > _MAX_PARTIAL_LINE:
                lines, self._begun = [*lines, self._begun], ""
        for line in lines:
            self.take(f"{line}\n")
        return len(text)

    def end(self) -> None:
        """Queue what is left without an end of line, as a line; for the end of the process."""
        if self._begun:
            self.write("\n")

    def flush(self) -> None:
        """Nothing: a part of a line stays until the line is whole, so that no other cuts it."""
