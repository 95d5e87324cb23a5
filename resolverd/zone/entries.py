"""The records of a zone's files as they are read, those of pieces together.

In a file of few lines no piece would ever be found again, but its lines stand in other zones too.
"""

from __future__ import annotations

import dns.name
from dns.rdatatype import SOA

from resolverd.zone import pieces
from resolverd.zone.inherited import Inherited
from resolverd.zone.known_lines import KnownLines
from resolverd.zone.parsed import ParsedZone, Record
from resolverd.zone.pieces import OpenPiece, Piece, Pieces, Run
from resolverd.zone.record import RecordFields
from resolverd.zone.source import SourceFile


class Entries:
    """Adds to what was `parsed` what is read: pieces and `lines` that are known, and records."""

    def __init__(self, parsed: ParsedZone, before: Pieces, lines: KnownLines) -> None:
        self._entries, self._master = parsed.entries, parsed.master
        self._before, self._lines = before, lines
        self._open: OpenPiece | None = None
        self._origin: dns.name.Name | None = None
        self._known: dict[str, Piece] = {}
        self._source: SourceFile | None = None
        self._small = False

    def take(self, line: str, source: SourceFile, start: int, inherited: Inherited) -> int:
        """The characters of what is known, begins with this line and was added; 0 for none."""
        if not self._is_small(source):
            return self._take_piece(line, source, start, inherited)
        record = self._lines.record(line, source, start, inherited)
        if record is None:
            return 0
        self._entries.append(record)
        return len(line)

    def _is_small(self, source: SourceFile) -> bool:
        """Whether no piece is made of a file; of what a large zone includes they are."""
        if source is not self._source:
            self._source = source
            least = pieces.SMALL if source is self._master else pieces.LEAST
            self._small = source.line_count < least
        return self._small

    def _take_piece(self, line: str, source: SourceFile, start: int, inherited: Inherited) -> int:
        """Take a piece, whose text has to stand there, and to mean what it meant."""
        if inherited.origin is not self._origin:
            self._origin = inherited.origin
            self._known = self._before.under(inherited.origin)
        piece = self._known.get(line)
        if piece is None or inherited.origin_unknown:
            return 0
        ttl = piece.ttl(inherited)
        untold = ttl == (None, None) and piece.records[0].ttl is None
        if untold or not source.text.startswith(piece.text, start):
            return 0
        self.close()
        self._entries.append(Run(piece, ttl, source, start))
        inherited.owner, inherited.key, inherited.owner_unknown = piece.owner, piece.key, False
        if piece.last_ttl is not None:
            inherited.ttls.last = piece.last_ttl
        return len(piece.text)

    def add(self, record: Record, fields: RecordFields, inherited: Inherited, end: int) -> None:
        """Add a record; it may be in a piece if its entry has an `end`."""
        in_piece = end and not self._is_small(record.source)
        piece = self._piece_for(record, fields, inherited) if in_piece else None
        if piece is None:
            self.close()
            self._entries.append(record)
            return
        piece.fields.append(fields)
        piece.offsets.append(record.entry - piece.start)
        piece.end = end

    def close(self) -> None:
        """End the piece that is being read, if one is; what comes next is not in it."""
        if self._open is not None:
            self._entries.append(self._open.closed())
            self._open = None

    def _piece_for(
        self, record: Record, fields: RecordFields, inherited: Inherited
    ) -> OpenPiece | None:
        """The piece that is being read, or a new one; None where a record cannot begin one."""
        piece = self._open
        if record.rdata.rdtype == SOA:
            return None
        if piece is not None and (len(piece.fields) < pieces.SIZE or fields.blank):
            return piece
        if fields.blank:
            return None
        self.close()
        default, last = inherited.ttls.default, inherited.ttls.last
        ttl = (default, last if default is None and fields.ttl is None else None)
        self._open = OpenPiece(record.source, record.entry, inherited.origin, ttl)
        return self._open
