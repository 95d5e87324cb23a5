"""What a master file says, before anything of it is checked.

`ParsedZone.lost` remembers what unreadable entries would have been, so that no check calls missing
what is merely misspelt. The records' owners may still lie outside the zone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import dns.name
import dns.rdata
import dns.rdatatype

from resolverd.dns.names import Key
from resolverd.errors import Problem
from resolverd.zone.pieces import Run, owned
from resolverd.zone.source import FilePosition, SourceFile


class Record(NamedTuple):
    """One record as written: `entry` is the offset in `source` of the entry it comes from."""

    owner: dns.name.Name
    key: Key
    ttl: int
    rdata: dns.rdata.Rdata
    source: SourceFile
    entry: int

    def at_owner(self) -> FilePosition:
        """Where the owner is written, or the type on a line that leaves it out."""
        fields = self.source.fields(self.entry)
        return self._at(fields.owner, fields.rdtype)

    def at_type(self) -> FilePosition:
        """Where the type is written."""
        return self._at(self.source.fields(self.entry).rdtype)

    def at_ttl(self) -> FilePosition:
        """Where the TTL is written, or the type on a line that inherits it."""
        fields = self.source.fields(self.entry)
        return self._at(fields.ttl, fields.rdtype)

    def at_rdata(self, index: int) -> FilePosition:
        """Where the RDATA's field `index` (from 0) is written, as far as it is."""
        fields = self.source.fields(self.entry)
        return self._at(*fields.rdata[index : index + 1], *fields.rdata[-1:], fields.rdtype)

    def _at(self, *offsets: int | None) -> FilePosition:
        return self.source.position(first_of(*offsets, self.entry) or 0)


class Lost(NamedTuple):
    """The owner and type that an unreadable entry would have had; None where they are unknown."""

    owner: dns.name.Name | None = None
    rdtype: dns.rdatatype.RdataType | None = None


@dataclass
class ParsedZone:
    """What a master file says, unchecked.

    `origin` is the zone's apex, None when it is unknown; `by_name` means that it, or what relative
    names were read with, is the file's name. `entries` are its records in order, those of pieces
    together. `files` and `digests` are those of the master file and all that it includes.
    """

    master: SourceFile
    origin: dns.name.Name | None = None
    by_name: bool = False
    entries: list[Run | Record] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    lost: set[Lost] = field(default_factory=set)

    @property
    def records(self) -> Iterator[Record]:
        """All records in order."""
        for entry in self.entries:
            if isinstance(entry, Run):
                yield from records_of(entry)
            else:
                yield entry

    @property
    def soas(self) -> list[Record]:
        """The SOA records, which are in no piece."""
        loose = (entry for entry in self.entries if isinstance(entry, Record))
        return [record for record in loose if record.rdata.rdtype == dns.rdatatype.SOA]


def records_of(run: Run) -> Iterator[Record]:
    """The records of a piece at its place."""
    for fields, owner, ttl, offset in owned(run):
        assert owner.owner is not None
        assert owner.key is not None
        assert fields.rdata is not None
        yield Record(owner.owner, owner.key, ttl, fields.rdata, run.source, offset)


def first_of(*choices: int | None) -> int | None:
    """The first of `choices` that is not None, or None."""
    return next((choice for choice in choices if choice is not None), None)
