"""structlog set-up: JSON lines under a service supervisor, readable text at a terminal.

Every state change is one event with what it was, what it is and why; there is never a line
per query, unless a share of them is asked for. A daemon logs `in_background`: an event costs it
the making of a line, and never a wait for whoever reads them.

    daemon  ── line ──► EventQueue ──► LineWriter's thread ──► standard error
    workers ── line ──► channel ─────►┘
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple, Protocol, TextIO, cast

import structlog

from resolverd.log.channel import ChannelQueue, channel, forward
from resolverd.log.priority import is_journal, prefixed, printed
from resolverd.log.queue import DroppedEvents, EventQueue
from resolverd.log.sources import captured
from resolverd.log.stream import LineStream
from resolverd.log.writer import LineWriter

Format = Literal["auto", "json", "text"]

_STDERR = 2

# Seconds that the end of the process waits for what is queued to be written; the rest is lost.
DRAIN_TIMEOUT = 2.0


class Style(NamedTuple):
    """How events are written: as text or as JSON, in colour, from which level on, and to whom.

    Each line to the journal begins with its priority.
    """

    text: bool
    colour: bool
    level: int
    journal: bool = False


class ForWorkers(NamedTuple):
    """How a worker process is to log, and its end of the channel to the log."""

    style: Style
    writes: socket.socket | None


class Queue(Protocol):
    """What takes the lines of events: an `EventQueue`, or a worker's `ChannelQueue`."""

    def put(self, line: bytes, *, sampled: bool = False) -> None:
        """Queue a whole line, or drop it; `sampled` is of the query log."""


class _Forgiving:
    """A stream whose reader may leave: the events are lost then, and no work is."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()


class _Lines:
    """The logger at the end of structlog's processors: one line for each event."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    def msg(self, line: str, *, sampled: bool = False) -> None:
        """Queue the line of an event, which structlog's processors have made."""
        self._queue.put(_octets(f"{line}\n"), sampled=sampled)

    debug = info = warning = error = critical = msg


_style = Style(text=False, colour=False, level=logging.INFO)
_queue: EventQueue | None = None


def configure(style: Format = "auto", level: int = logging.INFO) -> None:
    """Write events of `level` and above to standard error, each at once.

    `auto` writes coloured text to a terminal and JSON to anything else.
    """
    chosen = _chosen(style, level)
    stream = cast("TextIO", _Forgiving(sys.stderr))
    _configure(chosen, _renderer(chosen), structlog.WriteLoggerFactory(stream))


def in_background(style: Format = "auto", level: int = logging.INFO) -> None:
    """Write events, and all that Python code prints to standard error, from a thread of its own.

    For the whole life of the process; at its end what is queued has `DRAIN_TIMEOUT` seconds. What
    cannot be written is dropped and counted, and reported once something can.
    """
    global _style
    _style = _chosen(style, level)
    _begin()
    atexit.register(drain)


def in_fork() -> None:
    """Log as the process did that this one is forked from, whose thread is not here."""
    if _queue is not None:
        _begin()


def drain() -> None:
    """Write what is queued, in `DRAIN_TIMEOUT` seconds at most."""
    if _queue is not None:
        if isinstance(sys.stderr, LineStream):
            sys.stderr.end()
        _queue.drain(DRAIN_TIMEOUT)


@contextmanager
def for_workers() -> Iterator[ForWorkers]:
    """What worker processes need for `in_worker`; at the end of the context they have it.

    Where nothing logs in the background, they write for themselves.
    """
    if _queue is None:
        yield ForWorkers(_style, None)
        return
    reads, writes = channel()
    forward(reads, _queue)
    with writes:
        yield ForWorkers(_style, writes)


def in_worker(given: ForWorkers) -> None:
    """Log to the process that made `given` by `for_workers`; called first in a worker process."""
    if given.writes is None:
        factory = structlog.WriteLoggerFactory(sys.stderr)
        _configure(given.style, _renderer(given.style), factory)
    else:
        _into(ChannelQueue(given.writes), given.style, sys.stderr.fileno(), terminal=False)


@contextmanager
def everything() -> Iterator[None]:
    """Make events of what libraries log, warn and print, where events go to a queue."""
    if isinstance(sys.stderr, LineStream):
        with captured(sys.stderr):
            yield
    else:
        yield


def dropped() -> int:
    """How many events could not be written since start."""
    return _queue.dropped_total if _queue else 0


def get(component: str) -> structlog.typing.FilteringBoundLogger:
    """A logger whose events carry the component of the daemon that they come from."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(component=component)
    return logger


def _begin() -> None:
    """A queue, and a thread that writes what is put there to standard error."""
    global _queue
    _queue = EventQueue()
    LineWriter(sys.stderr.fileno(), _queue, _dropped_line).start()
    _into(_queue, _style, sys.stderr.fileno(), terminal=sys.stderr.isatty())


def _chosen(style: Format, level: int) -> Style:
    terminal = sys.stderr.isatty()
    text = style == "text" or (style == "auto" and terminal)
    return Style(text, terminal, level, is_journal(_STDERR))


def _renderer(style: Style) -> structlog.typing.Processor:
    render: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=style.colour)
        if style.text
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    if not style.journal:
        return render

    def for_the_journal(logger: Any, method: str, event: Any) -> str:
        level = event["level"]  # which a renderer may take out
        return prefixed(str(render(logger, method, event)), level)

    return for_the_journal


def _configure(style: Style, last: structlog.typing.Processor, factory: Any) -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(style.level),
        logger_factory=factory,
        cache_logger_on_first_use=False,
    )


def _into(queue: Queue, style: Style, descriptor: int, *, terminal: bool) -> None:
    """Send events and printed lines to `queue`."""
    render = _renderer(style)

    def last(logger: Any, method: str, event: Any) -> Any:
        sampled = event.get("event") == "query"
        return (render(logger, method, event),), {"sampled": sampled}

    def take(line: str) -> None:
        queue.put(_octets(printed(line) if style.journal else line))

    _configure(style, last, lambda *_: _Lines(queue))
    sys.stderr = cast("TextIO", LineStream(take, descriptor, terminal=terminal))


def _dropped_line(dropped: DroppedEvents) -> bytes:
    """The line that reports what was dropped, made as any other but put past the queue."""
    lines: list[bytes] = []

    class _Collected:
        def put(self, line: bytes, *, sampled: bool = False) -> None:
            del sampled
            lines.append(line)

    since = datetime.fromtimestamp(dropped.since, UTC).isoformat(timespec="milliseconds")
    structlog.wrap_logger(_Lines(_Collected()), component="log").warning(
        "log.dropped", event_count=dropped.events, since=since, reason=dropped.reason
    )
    return b"".join(lines)


def _octets(text: str) -> bytes:
    return text.encode(errors="backslashreplace")
