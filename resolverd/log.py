"""structlog set-up: JSON lines under a service supervisor, readable text at a terminal.

Every state change is one event with what it was, what it is and why; there is never a line
per query.
"""

from __future__ import annotations

import logging
import sys
from typing import Literal

import structlog

Format = Literal["auto", "json", "text"]


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
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def chosen() -> tuple[Format, int]:
    """What `configure` was last called with, for a worker process to do the same."""
    return _chosen


def get(room: str) -> structlog.typing.FilteringBoundLogger:
    """A logger whose events carry the room they come from."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(room=room)
    return logger
