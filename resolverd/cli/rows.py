"""Tables as plain lines: quick for thousands of rows, and never wider than the terminal.

A cell is text, with a style where it has a colour. Where the columns do not fit, the widest are
narrowed and their cells folded, so that nothing is cut off. What a server or an operator wrote is
shown to the letter, but for control characters, which are escaped.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import NamedTuple

from rich.cells import cell_len

_GAP = "  "
# The least width that a column is narrowed to, so that its cells can still be read.
_NARROWEST = 8
_CODES = {"bold": "1", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


class Cell(NamedTuple):
    """A text, and its style: empty, bold, red, green, yellow or cyan."""

    text: str
    style: str = ""


class Rows:
    """Rows under a head of column names, if they have any; without a row there is no line."""

    def __init__(self, *names: str) -> None:
        self._head = tuple(Cell(name, "bold") for name in names)
        self._rows: list[tuple[Cell, ...]] = []

    @property
    def row_count(self) -> int:
        """How many rows there are, the head aside."""
        return len(self._rows)

    def add_row(self, *cells: str | Cell) -> None:
        """Add one row, with as many cells as every other."""
        self._rows.append(
            tuple(
                Cell(shown(c.text), c.style) if isinstance(c, Cell) else Cell(shown(c))
                for c in cells
            )
        )

    def lines(self, width: int | None = None, *, colour: bool = False) -> Iterator[str]:
        """The lines, of at most `width` characters where it is given."""
        if not self._rows:
            return
        rows = [self._head, *self._rows] if self._head else self._rows
        widths = _fitting([max(map(_length, column)) for column in zip(*rows, strict=True)], width)
        for row in rows:
            yield from _row(row, widths, colour=colour)


def _row(row: tuple[Cell, ...], widths: list[int], *, colour: bool) -> Iterator[str]:
    folded = [_folded(cell.text, width) for cell, width in zip(row, widths, strict=True)]
    for number in range(max(map(len, folded))):
        line, pending = "", ""
        for cell, parts, width in zip(row, folded, widths, strict=True):
            text = parts[number] if number < len(parts) else ""
            if text:
                line += pending + (coloured(text, cell.style) if colour else text)
                pending = ""
            pending += " " * (width - width_of(text)) + _GAP
        yield line


def _fitting(widths: list[int], width: int | None) -> list[int]:
    """`widths`, with the widest narrowed to one size until all fit into `width`, if they can."""
    if width is None:
        return widths
    room = width - len(_GAP) * (len(widths) - 1)
    size = max(widths)
    while size > _NARROWEST and sum(min(column, size) for column in widths) > room:
        size -= 1
    return [min(column, size) for column in widths]


def _folded(text: str, width: int) -> list[str]:
    if width_of(text) <= width:
        return [text]
    return textwrap.wrap(text, width, break_on_hyphens=False) or [""]


def shown(text: str) -> str:
    """The text to the letter, but for control characters, which are escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _length(cell: Cell) -> int:
    return width_of(cell.text)


def width_of(text: str) -> int:
    """How many columns of a terminal the text takes."""
    return len(text) if text.isascii() else cell_len(text)


def coloured(text: str, style: str) -> str:
    """The text in the style, as a terminal has it."""
    code = _CODES.get(style)
    return f"\x1b[{code}m{text}\x1b[0m" if code else text
