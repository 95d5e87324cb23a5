"""Pieces of zone files that were read without a finding, so that an edit costs what it changes.

A piece is some dozens of lines that stand together, of one file, read with one origin. It begins
with a record that names its owner and ends with a whole record, so of what stands before it only
the origin and the TTLs matter. It holds no directive and no SOA. The next load takes a piece whole
where its file has the very same text at the place of an entry, and with it the very same records.

A piece costs some 2 octets a name beside its text and records; of a small zone none is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import dns.name
import dns.rdata
from dns.rdatatype import PTR, RdataType

from resolverd.dns.names import Key, key_of
from resolverd.zone.dyna import DYNA
from resolverd.zone.inherited import Inherited
from resolverd.zone.record import RecordFields
from resolverd.zone.source import SourceFile
from resolverd.zone.targets import TARGETS

SIZE = 64
"""Records of a piece, after which it ends with the next owner. Of fewer, there are more pieces to
find; of more, an edit has more lines to read and names to check."""
LEAST = 16
"""Records of which a piece is worth finding again; fewer are read again and join what follows."""
SMALL = 256
"""Lines of a master file from which on pieces are made of it, and no line of it is remembered for
other files: those of a large zone are its own."""

_POINTING = {**{rdtype: target.attribute for rdtype, target in TARGETS.items()}, PTR: "target"}

Lead = tuple[Key, RdataType, Key | None]
"""An owner, and the target of one of its records or None: of NS, CNAME, MX and their like, and of
DYNA. By these, one name says something of another."""

PieceTtl = tuple[int | None, int | None]
"""The `$TTL` that a piece's records inherit, and where there is none, the TTL before the piece."""


class Piece:
    """Records that stand together in a file; `offsets` are those of their entries in `text`.

    `keys` are the owners in order, each once, and `steered` those of DYNA; `owner`, `key` and
    `last_ttl` are what records after it inherit (`last_ttl` None: what they would have inherited
    without it).
    """

    __slots__ = (
        "key",
        "keys",
        "last_ttl",
        "leads",
        "offsets",
        "origin",
        "owner",
        "records",
        "steered",
        "text",
    )

    def __init__(
        self, text: str, origin: dns.name.Name, fields: list[RecordFields], offsets: list[int]
    ) -> None:
        self.text, self.origin = text, origin
        self.records, self.offsets = tuple(fields), tuple(offsets)
        keys: dict[Key, None] = {}
        leads: list[Lead] = []
        self.owner, self.key, self.last_ttl = fields[0].owner, fields[0].key, fields[0].ttl
        for one in fields:
            if one.key is not None:
                self.owner, self.key = one.owner, one.key
                keys[one.key] = None
            if one.ttl is not None:
                self.last_ttl = one.ttl
            assert self.key is not None
            assert one.rdata is not None
            if (lead := lead_of(self.key, one.rdata)) is not None:
                leads.append(lead)
        self.keys, self.leads = tuple(keys), tuple(leads)
        self.steered = tuple(key for key, rdtype, _ in leads if rdtype == DYNA)

    def ttl(self, inherited: Inherited) -> PieceTtl:
        """What the piece's records inherit of the TTLs before it."""
        default, last = inherited.ttls.default, inherited.ttls.last
        needed = default is None and self.records[0].ttl is None
        return default, last if needed else None


def lead_of(key: Key, rdata: dns.rdata.Rdata) -> Lead | None:
    """The lead of a record, if it is one of those types."""
    attribute = _POINTING.get(rdata.rdtype)
    if attribute is not None:
        return key, rdata.rdtype, key_of(getattr(rdata, attribute))
    return (key, rdata.rdtype, None) if rdata.rdtype == DYNA else None


PieceUse = tuple[Piece, PieceTtl]
"""A piece with the TTLs that it inherited."""


class Run(NamedTuple):
    """A piece at its place in a file, and the TTLs that it inherits there."""

    piece: Piece
    ttl: PieceTtl
    source: SourceFile
    start: int


@dataclass(slots=True)
class Reading:
    """What a load leaves for the next one of the same zone.

    `entries` are its pieces with the TTLs that they inherited, and the owners of all other records,
    in order. `noted` are owners with findings, and `outside` those outside of the zone; `cuts`
    and `dnames` are its zone cuts and owners of DNAME. `large` tells of records that are looked for
    at the end of chains of aliases. `between` are its empty non-terminals, once an edit has asked.
    `steered` are owners of DYNA, some of which may be outside.
    """

    entries: tuple[PieceUse | Key, ...]
    noted: frozenset[Key] = frozenset()
    outside: frozenset[Key] = frozenset()
    cuts: frozenset[Key] = frozenset()
    dnames: frozenset[Key] = frozenset()
    large: bool = False
    between: frozenset[Key] | None = None
    steered: frozenset[Key] = frozenset()

    @property
    def runs(self) -> list[PieceUse]:
        """The pieces in order."""
        return [entry for entry in self.entries if isinstance(entry, tuple)]


class Pieces:
    """The pieces of an earlier load, found by origin and first line."""

    def __init__(self, pieces: Iterable[Piece] = ()) -> None:
        self._heads: dict[tuple[bytes, ...], dict[str, Piece]] = {}
        for piece in pieces:
            if len(piece.records) >= LEAST:
                head = piece.text[: piece.text.index("\n") + 1]
                self._heads.setdefault(piece.origin.labels, {}).setdefault(head, piece)

    def under(self, origin: dns.name.Name) -> dict[str, Piece]:
        """Those that were read with this origin, spelled so."""
        return self._heads.get(origin.labels, {})


@dataclass(slots=True)
class OpenPiece:
    """A piece while it is read: where it begins, and where its last record ends."""

    source: SourceFile
    start: int
    origin: dns.name.Name
    inherited: PieceTtl
    end: int = 0
    fields: list[RecordFields] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)

    def closed(self) -> Run:
        """The piece as it is now, at its place."""
        text = self.source.text[self.start : self.end]
        piece = Piece(text, self.origin, self.fields, self.offsets)
        return Run(piece, self.inherited, self.source, self.start)


def owned(run: Run) -> Iterator[tuple[RecordFields, RecordFields, int, int]]:
    """Each record of a run, the one that names its owner, its TTL and the offset of its entry."""
    default, ttl = run.ttl
    owner = run.piece.records[0]
    for one, offset in zip(run.piece.records, run.piece.offsets, strict=True):
        if one.key is not None:
            owner = one
        if one.ttl is not None:
            ttl = one.ttl
        inherited = ttl if default is None else default
        given = one.ttl if one.ttl is not None else inherited
        assert given is not None, "a record without a TTL is never in a piece"
        yield one, owner, given, run.start + offset
