"""Where each key of a TOML text and its value stand: key path to (line, column), both from 1.

`tomllib` tells no positions, so a text that it has already accepted is scanned once more.
Only valid TOML is given here; the scan therefore reads structure and checks nothing.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from typing import NamedTuple

Path = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}#\n]+")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"""+' r"|'''.*?'''+" r'|"(?:\\.|[^"\\])*"' r"|'[^']*'", re.DOTALL
)
_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\"}


class Position(NamedTuple):
    """A line and column of a text, both counted from 1; columns are characters."""

    line: int
    column: int


class KeyPosition(NamedTuple):
    """Where a key is written, and its value.

    The value of a table is the bracket of its first header, and the key its name there; an element
    of an array is its own key. A table that dotted keys alone make has no value.
    """

    key: Position
    value: Position | None


def locate(text: str) -> Mapping[Path, KeyPosition]:
    """Every table, key and array element of a valid TOML text."""
    scan = _Scan(text)
    scan.document()
    return scan.implied | scan.found


class _Scan:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[Path, KeyPosition] = {}
        self.implied: dict[Path, KeyPosition] = {}
        self._arrays: dict[Path, int] = {}
        self._starts = [0] + [m.end() for m in re.finditer("\n", text)]

    def document(self) -> None:
        table: Path = ()
        while self._skip_blank():
            if self._peek() == "[":
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> Path:
        array = self.text.startswith("[[", self.at)
        start = self._position(self.at)
        self.at += 2 if array else 1
        parts = self._key()
        path = self._through_arrays(tuple(name for name, _ in parts), itself=not array)
        names = iter(at for _, at in parts)
        for depth, part in enumerate(path, 1):
            if isinstance(part, str):
                position = KeyPosition(next(names), start)
            self.implied.setdefault(path[:depth], position)
        if array:
            index = self._arrays[path] = self._arrays.get(path, -1) + 1
            self.found.setdefault(path, position)
            path = (*path, index)
        self.found.setdefault(path, position)
        self.at = self.text.index("]", self.at) + (2 if array else 1)
        return path

    def _through_arrays(self, key: Path, *, itself: bool) -> Path:
        """`key` with the index of the current element after each array of tables it crosses."""
        path: Path = ()
        for depth, part in enumerate(key, 1):
            path = (*path, part)
            if path in self._arrays and (itself or depth < len(key)):
                path = (*path, self._arrays[path])
        return path

    def _pair(self, table: Path) -> None:
        path = table
        for part, at in self._key():
            path = (*path, part)
            self.found.setdefault(path, KeyPosition(at, None))
        self.at = self.text.index("=", self.at) + 1
        self._skip_blank()
        self.found[path] = KeyPosition(at, self._position(self.at))
        self._value(path)

    def _key(self) -> list[tuple[str, Position]]:
        """The parts of a dotted key, each with its place."""
        parts: list[tuple[str, Position]] = []
        while True:
            self._skip_blank()
            match = _STRING.match(self.text, self.at) or _BARE.match(self.text, self.at)
            if match is None:
                return parts
            parts.append((unquoted(match.group()), self._position(self.at)))
            self.at = match.end()
            self._skip_blank()
            if self._peek() != ".":
                return parts
            self.at += 1

    def _value(self, path: Path) -> None:
        self._skip_blank()
        if self._peek() == "[":
            self._array(path)
        elif self._peek() == "{":
            self._inline_table(path)
        elif match := _STRING.match(self.text, self.at) or _SCALAR.match(self.text, self.at):
            self.at = match.end()

    def _array(self, path: Path) -> None:
        self.at += 1
        index = 0
        while self._skip_blank() and self._peek() != "]":
            if self._peek() == ",":
                self.at += 1
                continue
            element = (*path, index)
            at = self._position(self.at)
            self.found[element] = KeyPosition(at, at)
            self._value(element)
            index += 1
        self.at += 1

    def _inline_table(self, path: Path) -> None:
        self.at += 1
        while self._skip_blank() and self._peek() != "}":
            if self._peek() == ",":
                self.at += 1
                continue
            self._pair(path)
        self.at += 1

    def _skip_blank(self) -> bool:
        """Step over white space and comments; False at the end of the text."""
        match = _BLANK.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.at < len(self.text)

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _position(self, at: int) -> Position:
        line = bisect_right(self._starts, at)
        return Position(line, at - self._starts[line - 1] + 1)


def unquoted(part: str) -> str:
    """What a part of a key says, bare or in the quotes of a basic or a literal string."""
    if part.startswith("'"):
        return part[1:-1]
    if not part.startswith('"'):
        return part
    return re.sub(
        r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))",
        lambda m: chr(int(m[1] or m[2], 16)) if m[1] or m[2] else _ESCAPES.get(m[3], m[3]),
        part[1:-1],
    )
