"""The thread that writes queued lines to a descriptor, which may be full, closed or never read.

Nothing but this thread ever waits for the descriptor. A write that fails costs its line, which is
counted; where a part of a line was written, the rest of it goes first once writing works again, so
a line is never cut by another. Whether the descriptor blocks or not makes no difference: its flags
are shared with other processes and stay as they are.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable

from resolverd.log.queue import DroppedEvents, EventQueue

# Seconds between attempts to report what was dropped, and between reports.
_RETRY = 1.0


class LineWriter:
    """Writes the lines of `queue` to `descriptor`; `report` makes the line on dropped events."""

    def __init__(
        self, descriptor: int, queue: EventQueue, report: Callable[[DroppedEvents], bytes]
    ) -> None:
        self._descriptor, self._queue, self._report = descriptor, queue, report
        self._rest = b""
        self._reported_at = 0.0

    def start(self) -> None:
        """Write from now on until the process ends, which waits for no such thread."""
        threading.Thread(target=self._run, name="log", daemon=True).start()

    def _run(self) -> None:
        while True:
            self.write_next()

    def write_next(self) -> None:
        """Write one line, and before it what was dropped, where that is due."""
        waiting = _RETRY if self._queue.unreported() else None
        line = self._queue.take(waiting)
        try:
            self._report_dropped()
            if line is not None:
                self._write(line)
        except OSError as error:
            if line is not None:
                self._queue.drop(1, error.strerror or type(error).__name__)

    def _report_dropped(self) -> None:
        dropped, now = self._queue.unreported(), time.monotonic()
        if dropped is not None and now - self._reported_at >= _RETRY:
            self._write(self._report(dropped))
            self._reported_at = now
            self._queue.reported(dropped)

    def _write(self, line: bytes) -> None:
        """Write what is left of the last line, then this one. Raises OSError.

        With nothing of this one written, or with its rest kept for the next call.
        """
        while self._rest:
            self._rest = self._rest[self._write_some(self._rest) :]
        written = self._write_some(line)
        self._rest = line[written:]
        try:
            while self._rest:
                self._rest = self._rest[self._write_some(self._rest) :]
        except OSError:
            return  # the rest is kept, and so the line is not lost

    def _write_some(self, octets: bytes) -> int:
        while True:
            try:
                return os.write(self._descriptor, octets)
            except BlockingIOError:
                poll = select.poll()
                poll.register(self._descriptor, select.POLLOUT)
                poll.poll()
