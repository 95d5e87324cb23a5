"""What else would write to standard error, turned into events: libraries, warnings, tracebacks.

`captured` holds while a daemon or a worker process runs. A library's message is the level above
which `logging` shows it by default, a warning; asyncio's own reports of what a callback or a
forgotten task raised come that way as well.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog

from resolverd.log.stream import LineStream


class _Events(logging.Handler):
    """A record of `logging` as an event."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log it; what cannot be formatted is shown unformatted."""
        logger = structlog.get_logger(component="library")
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 - a library's mistake in a message is no reason to fail
            message = str(record.msg)
        fields: dict[str, Any] = {"library": record.name, "message": message}
        if record.exc_info:
            fields["exc_info"] = record.exc_info
        if record.levelno >= logging.ERROR:
            logger.error("library.error", **fields)
        else:
            logger.warning("library.warning", **fields)


@contextmanager
def captured(stream: LineStream) -> Iterator[None]:
    """Make events of all that is written beside the log, and of lines printed to `stream`."""
    handler, root, take = _Events(logging.WARNING), logging.getLogger(), stream.take
    threads, unraisable = threading.excepthook, sys.unraisablehook
    logging.captureWarnings(True)
    root.addHandler(handler)
    threading.excepthook = _thread_ended
    sys.unraisablehook = _unraisable
    stream.take = _printed
    try:
        yield
    finally:
        stream.take = take
        threading.excepthook, sys.unraisablehook = threads, unraisable
        root.removeHandler(handler)
        logging.captureWarnings(False)


def _printed(line: str) -> None:
    if text := line.rstrip():
        structlog.get_logger(component="library").warning("library.printed", message=text)


def _thread_ended(ended: threading.ExceptHookArgs) -> None:
    structlog.get_logger(component="library").error(
        "thread.defect",
        thread=ended.thread.name if ended.thread else "",
        exc_info=ended.exc_value,
    )


def _unraisable(raised: sys.UnraisableHookArgs) -> None:
    structlog.get_logger(component="library").error(
        "finalizer.defect",
        message=raised.err_msg or "",
        object=repr(raised.object),
        exc_info=raised.exc_value,
    )
