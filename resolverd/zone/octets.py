"""How many octets records take in a message, with names compressed as `dns/writer.py` does."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

import dns.name
from dns.rdatatype import AAAA, CNAME, MX, NS, PTR, SOA, A, RdataType

from resolverd.zone.dyna import DYNA
from resolverd.zone.parsed import Record

POINTER = 2
"""Octets of a name that is compressed to a pointer (RFC 1035 §4.1.4)."""

FIXED = 10
"""Octets of a record's TYPE, CLASS, TTL and RDLENGTH (RFC 1035 §4.1.3)."""

_BEFORE_QUESTION, _BEHIND_QNAME = 12, 4
_COMPRESSED = frozenset((NS, CNAME, PTR, MX, SOA))
# The most octets that RDATA of a type has, where that is few: these are counted so, unwritten.
_MAX_RDATA_OF_TYPE = {A: 4, AAAA: 16, NS: 255, CNAME: 255, PTR: 255, SOA: 530, DYNA: 0}

BOUNDED_TYPES = frozenset(_MAX_RDATA_OF_TYPE)
"""Types of which no record is large."""

MAX_BOUNDED = POINTER + FIXED + max(_MAX_RDATA_OF_TYPE.values())
"""The most octets that a record of one of these takes, its owner a pointer."""


def rdata_size(record: Record, rdtype: RdataType) -> int:
    """Octets of a record's RDATA, or for types that cannot have many, the most that they have."""
    if rdtype in _MAX_RDATA_OF_TYPE:
        return _MAX_RDATA_OF_TYPE[rdtype]
    return len(record.rdata.to_wire() or b"")


def max_size(rdtype: RdataType, records: Iterable[Record]) -> int:
    """An upper bound of `message_size` of an RRset without glue, for a fraction of the time."""
    return sum(POINTER + FIXED + rdata_size(record, rdtype) for record in records)


def message_size(
    owner: dns.name.Name,
    records: Sequence[Record],
    *,
    glue: Iterable[tuple[dns.name.Name, int]] = (),
    preceding: int = 0,
) -> int:
    """The octets of an RRset with its glue, after a question for its owner and `preceding` more.

    `glue` are owners, and the octets of the RDATA of each. `preceding` counts because a pointer
    reaches only names in the first 16 KiB of a message.
    """
    message = io.BytesIO()
    names: dict[dns.name.Name, int] = {}
    message.write(bytes(_BEFORE_QUESTION))
    owner.to_wire(message, names)
    message.write(bytes(_BEHIND_QNAME + preceding))
    before = message.tell()
    for rdata in dict.fromkeys(record.rdata for record in records):
        message.write(bytes(POINTER + FIXED))
        rdata.to_wire(message, names if rdata.rdtype in _COMPRESSED else None)
    for name, octets in glue:
        name.to_wire(message, names)
        message.write(bytes(FIXED + octets))
    return message.tell() - before
