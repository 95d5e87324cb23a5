"""The text of one zone file, and from an offset in it to line, column and field.

Offsets count characters from 0; lines and columns count from 1. Only findings ask for
fields, so they are found by reading the entry again and cost a good file nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import dns.exception

from resolverd.zone.lexer import Lexer, class_of, looks_like_ttl


class FilePosition(NamedTuple):
    """A position in a file, with the text of its line."""

    file: str
    line: int
    column: int
    source: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class FieldOffsets(NamedTuple):
    """Offsets of an entry's fields (RFC 1035 §5.1); None where the field is not written."""

    owner: int | None
    ttl: int | None
    rdtype: int | None
    rdata: tuple[int, ...]


@dataclass(frozen=True)
class SourceFile:
    """One file that was read, its line ends normalised to a newline; `digest` tells its octets."""

    path: Path
    text: str
    digest: str = ""

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *accumulate(len(line) + 1 for line in self.text.split("\n"))]

    @cached_property
    def _lexer(self) -> Lexer:
        return Lexer(self.text)

    @cached_property
    def line_count(self) -> int:
        """How many lines end in it."""
        return self.text.count("\n")

    def line(self, offset: int) -> int:
        """The number, from 1, of the line that `offset` lies on."""
        return bisect_right(self._starts, offset)

    def position(self, offset: int) -> FilePosition:
        """The line, column and line's text of `offset`."""
        line = self.line(offset)
        start = self._starts[line - 1]
        end = self.text.find("\n", start)
        shown = self.text[start:] if end < 0 else self.text[start:end]
        return FilePosition(str(self.path), line, offset - start + 1, shown)

    def offset(self, line: int, column: int) -> int:
        """The offset of a line and column, which are from 1."""
        return self._starts[line - 1] + column - 1

    def fields(self, entry: int) -> FieldOffsets:
        """Where each field of the record (or `$GENERATE`) that begins at `entry` is."""
        owned = self.text[entry : entry + 1] not in (" ", "\t")
        tokens = self._tokens(entry)
        if tokens and tokens[0][1].upper() == "$GENERATE":
            tokens = tokens[2:]
        owner = tokens.pop(0)[0] if owned and tokens else None
        ttl = rdtype = None
        while tokens and rdtype is None:
            offset, value = tokens.pop(0)
            if ttl is None and looks_like_ttl(value):
                ttl = offset
            elif class_of(value) is None:
                rdtype = offset
        return FieldOffsets(owner, ttl, rdtype, tuple(offset for offset, _ in tokens))

    def _tokens(self, entry: int) -> list[tuple[int, str]]:
        """Offset and text of an entry's tokens, as far as they can be read."""
        lexer = self._lexer
        lexer.begin(entry)
        found: list[tuple[int, str]] = []
        try:
            while not (token := lexer.get()).is_eol_or_eof():
                found.append((lexer.start, token.value))
        except dns.exception.SyntaxError:
            # The reader has reported it; what stands before it can still be pointed at.
            return found
        return found
