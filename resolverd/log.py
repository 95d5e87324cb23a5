"""structlog set-up: JSON lines under a service supervisor, readable text at a terminal.

Every state change is one event with what it was, what it is and why; there is never a line
per query.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import Literal, TextIO, cast

import structlog

Format = Literal["auto", "json", "text"]


class _Forgiving:
    """A stream whose reader may leave, as journald does when it is restarted.

    The events are lost then, and no work is: whoever has something to tell never fails by it.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()


_chosen: tuple[Format, int] = ("auto", logging.INFO)


def configure(style: Format = "auto", level: int = logging.INFO) -> None:
    """Send events of `level` and above to standard error.

    `auto` writes coloured text to a terminal and JSON to anything else.
    """
    global _chosen
    _chosen = (style, level)
    terminal = sys.stderr.isatty()
    text = style == "text" or (style == "auto" and terminal)
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=terminal)
        if text
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", _Forgiving(sys.stderr))),
        cache_logger_on_first_use=False,
    )


def chosen() -> tuple[Format, int]:
    """What `configure` was last called with, for a worker process to do the same."""
    return _chosen


def get(room: str) -> structlog.typing.FilteringBoundLogger:
    """A logger whose events carry the room they come from."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(room=room)
    return logger
