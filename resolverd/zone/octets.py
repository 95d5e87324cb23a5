"""How many octets records take in a message, with names compressed as `dns/writer.py` does."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

import dns.name
from dns.rdatatype import AAAA, CNAME, MX, NS, PTR, SOA, A, RdataType

from resolverd.zone.dyna import DYNA
from resolverd.zone.parsed import Record

POINTER = 2
FIXED = 10
"""TYPE, CLASS, TTL, RDLENGTH."""

_BEFORE_QUESTION, _BEHIND_QNAME = 12, 4
_COMPRESSED = frozenset((NS, CNAME, PTR, MX, SOA))
# Octets that RDATA of these types has at most: nobody need write theirs out to know.
_MOST_OF = {A: 4, AAAA: 16, NS: 255, CNAME: 255, PTR: 255, SOA: 530, DYNA: 0}


def length(record: Record, rdtype: RdataType) -> int:
    """Octets of RDATA, or for types that cannot have many, the most."""
    if rdtype in _MOST_OF:
        return _MOST_OF[rdtype]
    return len(record.rdata.to_wire() or b"")


def bound(rdtype: RdataType, records: Iterable[Record]) -> int:
    """No less than what an RRset takes whose owner stands in the question."""
    return sum(POINTER + FIXED + length(record, rdtype) for record in records)


def sent(
    owner: dns.name.Name,
    records: Sequence[Record],
    *,
    glue: Iterable[tuple[dns.name.Name, int]] = (),
    ahead: int = 0,
) -> int:
    """What an RRset takes with its glue, behind a question for its owner and `ahead` octets more.

    `glue` are owners, and the octets of the RDATA of each. Where a name stands decides whether
    another can point to it, and so what follows.
    """
    message = io.BytesIO()
    names: dict[dns.name.Name, int] = {}
    message.write(bytes(_BEFORE_QUESTION))
    owner.to_wire(message, names)
    message.write(bytes(_BEHIND_QNAME + ahead))
    before = message.tell()
    for rdata in dict.fromkeys(record.rdata for record in records):
        message.write(bytes(POINTER + FIXED))
        rdata.to_wire(message, names if rdata.rdtype in _COMPRESSED else None)
    for name, octets in glue:
        name.to_wire(message, names)
        message.write(bytes(FIXED + octets))
    return message.tell() - before
