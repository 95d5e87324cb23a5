"""The records of a zone's files as they are read, those of pieces together."""

from __future__ import annotations

import dns.name
from dns.rdatatype import SOA

from resolverd.zone import pieces
from resolverd.zone.inherited import Inherited
from resolverd.zone.parsed import Record
from resolverd.zone.pieces import OpenPiece, Piece, Pieces, Run
from resolverd.zone.record import RecordFields
from resolverd.zone.source import SourceFile


class Entries:
    """Adds to `entries` what is read: pieces that are known from `before`, and records."""

    def __init__(self, entries: list[Run | Record], before: Pieces) -> None:
        self._entries, self._before = entries, before
        self._open: OpenPiece | None = None
        self._origin: dns.name.Name | None = None
        self._known: dict[str, Piece] = {}

    def take_piece(self, line: str, source: SourceFile, start: int, inherited: Inherited) -> int:
        """The characters of the piece that begins with this line and was added; 0 for none.

        Its text has to stand there, and to mean what it meant.
        """
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
        """Add a record; it may be in a piece if its entry has an `end`.

        In a file of few lines no piece would ever be found again.
        """
        in_piece = end and record.source.line_count >= pieces.LEAST
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
