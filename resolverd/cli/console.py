"""Where the verbs print: colours and tables at a terminal, plain and unwrapped text in a pipe.

What operators wrote is shown to the letter: nothing in it is taken for markup, and a line
number such as ``:100:`` is not taken for a picture.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any, Protocol

from rich.console import Console
from rich.table import Table
from rich.text import Text

from resolverd.admin.documents.version import versioned
from resolverd.cli.bars import Glyphs, glyphs_for
from resolverd.cli.rows import Rows
from resolverd.cli.streams import discard
from resolverd.errors import Problem
from resolverd.log.priority import is_journal, prefixed

# Wider than any row: rich cuts the cells of a table that does not fit its console.
_UNBOUNDED = 10_000
_STDERR = 2
_PIPED = 80


class _Console(Console):
    """A console whose reader may leave: what is printed from then on goes nowhere."""

    def on_broken_pipe(self) -> None:
        del self._buffer[:]
        discard(self.file)


class _Shown(_Console):
    """A console for what is done only to be watched, and ends when its reader leaves."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def out() -> Console:
    """Standard output; no colour and no wrapping at 80 columns when it is not a terminal."""
    return _Console(highlight=False, emoji=False, soft_wrap=not sys.stdout.isatty())


def error_out() -> Console:
    """Standard error, likewise."""
    wrapped = sys.stderr.isatty()
    return _Console(stderr=True, highlight=False, emoji=False, soft_wrap=not wrapped)


def watched_out() -> Console:
    """Standard output of a verb that only shows: raises BrokenPipeError once nobody reads it."""
    return _Shown(highlight=False, emoji=False, soft_wrap=not sys.stdout.isatty())


def show(*tables: Table) -> None:
    """Tables with an empty line between them; in a pipe as wide as their cells are."""
    console = out()
    if not console.is_terminal:
        console.width = _UNBOUNDED
    for index, table in enumerate(tables):
        with console.capture() as captured:
            console.print(table)
        rows = [row.rstrip() for row in captured.get().splitlines()]
        console.out("\n".join(["", *rows] if index else rows))


def show_rows(*parts: Rows) -> None:
    """Rows with an empty line between them; in a pipe as wide as their cells are."""
    _write("\n\n".join(pages(*parts)))


def pages(*parts: Rows) -> list[str]:
    """The text of each part that has a line, for standard output as it is."""
    console = out()
    width = console.width if console.is_terminal else None
    colour = _is_coloured(console)
    texts = ("\n".join(part.lines(width, colour=colour)) for part in parts)
    return [text for text in texts if text]


class Drawing(Protocol):
    """A picture of text, made for where it is shown."""

    def __call__(self, width: int, glyphs: Glyphs, *, colour: bool) -> list[str]:
        """Its lines, of so many columns and of these characters."""


def show_drawing(drawing: Drawing) -> None:
    """A picture on standard output: as wide as the terminal, of 80 columns in a pipe.

    Of blocks where its encoding has them, else of ASCII.
    """
    console = out()
    width = console.width if console.is_terminal else _PIPED
    lines = drawing(width, glyphs_for(sys.stdout.encoding), colour=_is_coloured(console))
    _write("\n".join(lines))


def _is_coloured(console: Console) -> bool:
    return console.is_terminal and console.color_system is not None and not console.no_color


def _write(text: str) -> None:
    """A text and a line feed, as they are; to nowhere once the reader has left."""
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        discard(sys.stdout)


def columns(*names: str) -> Table:
    """An empty table with these columns, without lines around them."""
    table = Table(box=None, pad_edge=False)
    for name in names:
        table.add_column(name, overflow="fold")
    return table


def show_json(document: Mapping[str, Any]) -> None:
    """One JSON document with its version: None where a number has no end.

    Coloured at a terminal, which takes a hundred times as long.
    """
    text = json.dumps(versioned(document), allow_nan=False, ensure_ascii=False, indent=2)
    if sys.stdout.isatty():
        out().print_json(text, ensure_ascii=False)
    else:
        _write(text)


def complain(text: str, style: str = "red") -> None:
    """One message on standard error, coloured at a terminal, its own line breaks kept.

    To the journal it is an error, on each of its lines.
    """
    _print_error(Text(text, style), "error")


def report(problem: Problem) -> None:
    """One finding on standard error; at a terminal its parts are told apart by colour."""
    plain = f"warning: {problem}" if problem.severity == "warning" else str(problem)
    head, *rows = plain.split("\n")
    text = Text(head, "bold yellow" if problem.severity == "warning" else "bold red")
    for row in rows:
        style = "green" if row.startswith("    hint: ") else "red" if row.strip() == "^" else ""
        text.append("\n").append(Text(row, style or "not bold default"))
    _print_error(text, problem.severity)


def count(number: int, noun: str) -> str:
    """A number with its noun: ``1 zone``, ``2 zones``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _print_error(text: Text, level: str) -> None:
    if is_journal(_STDERR):
        text = Text(prefixed(text.plain, level))
    _Console(stderr=True, highlight=False, emoji=False, soft_wrap=True).print(text)
