"""Reading a query: the strict grammar that every packet has to pass (RFC 1035 §4, RFC 6891).

`parse` gives a `Query`, or raises `Dropped` (no answer may be sent: too short for a header,
or itself a response) or `Malformed` (FORMERR, with as much of the query as was sound).
Nothing else is ever raised, whatever the octets. Both engines follow this grammar.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from resolverd.dns.codes import OPT
from resolverd.dns.edns import DO, Edns, OptionError, parse_options
from resolverd.dns.limits import MAX_LABEL, MAX_NAME

QR, AA, TC, RD, CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0010
OPCODE = 0x7800

_HEADER = struct.Struct("!HHHHHH")
_TYPE_CLASS = struct.Struct("!HH")
_RECORD = struct.Struct("!HHIH")


class Dropped(Exception):  # noqa: N818 - not an error: a verdict on a packet
    """The packet gets no answer; the argument says why, for counters."""


class Malformed(Exception):  # noqa: N818 - not an error: a verdict on a packet
    """The packet gets FORMERR; `query` holds what was read before the fault."""

    def __init__(self, kind: str, query: Query) -> None:
        super().__init__(kind)
        self.kind = kind
        self.query = query


@dataclass(slots=True)
class Query:
    """One query.

    `question` is the question section as it came, to be echoed octet for octet; `name` the
    QNAME in wire form as asked, `key` the same lowered. `edns` is None without an OPT record.
    """

    id: int
    flags: int
    question: bytes = b""
    name: bytes = b""
    key: bytes = b""
    qtype: int = 0
    qclass: int = 0
    edns: Edns | None = None

    @property
    def opcode(self) -> int:
        """The OPCODE, 0 for a standard query."""
        return (self.flags & OPCODE) >> 11


def parse(packet: bytes) -> Query:
    """Read one packet. Raises Dropped or Malformed, and nothing else.

    Of a query whose OPCODE is not QUERY only the header and the OPT record are read, the latter
    without its options, and nothing in it is wrong: its OPCODE is refused anyway.
    """
    if len(packet) < 12:
        raise Dropped("short")
    ident, flags, questions, answers, authorities, additionals = _HEADER.unpack_from(packet)
    if flags & QR:
        raise Dropped("response")
    query = Query(ident, flags)
    if flags & OPCODE:
        query.edns = _opt_of_another_opcode(packet, query)
        return query
    if questions != 1 or answers != 0:
        raise Malformed("counts", query)
    at = _question(packet, query)
    for _ in range(authorities):
        at = _skip_record(packet, at, query)
    for _ in range(additionals):
        at = _additional(packet, at, query)
    if at != len(packet):
        raise Malformed("trailing", query)
    return query


def _question(packet: bytes, query: Query) -> int:
    at, size = 12, len(packet)
    while True:
        if at >= size:
            raise Malformed("qname", query)
        length = packet[at]
        if length == 0:
            break
        if length > MAX_LABEL:  # nothing precedes the QNAME that it could point to
            raise Malformed("qname", query)
        at += 1 + length
    at += 1
    if at - 12 > MAX_NAME or size - at < 4:
        raise Malformed("qname", query)
    query.name = packet[12:at]
    query.key = query.name.lower()
    query.qtype, query.qclass = _TYPE_CLASS.unpack_from(packet, at)
    query.question = packet[12 : at + 4]
    return at + 4


def _additional(packet: bytes, at: int, query: Query) -> int:
    owner = at
    at = _skip_name(packet, at, query)
    if len(packet) - at < 10:
        raise Malformed("record", query)
    rtype, rclass, ttl, length = _RECORD.unpack_from(packet, at)
    at += 10
    end: int = at + length
    if end > len(packet):
        raise Malformed("record", query)
    if rtype == OPT:
        if query.edns is not None or packet[owner] != 0:
            raise Malformed("opt", query)
        query.edns = Edns(payload=rclass, version=(ttl >> 16) & 0xFF, dnssec_ok=bool(ttl & DO))
        if query.edns.version:
            return end  # what options mean in another version, nobody knows (RFC 6891 §6.1.3)
        try:
            parse_options(query.edns, packet[at:end])
        except OptionError as error:
            query.edns.subnet = None
            raise Malformed(str(error), query) from error
    return end


def _opt_of_another_opcode(packet: bytes, query: Query) -> Edns | None:
    """The OPT record, where the sections read like those of a query.

    RFC 6891 §6.1.1: whatever the OPCODE, an OPT record is answered by one. None of a packet
    in which anything else is broken, or in which there are two.
    """
    questions, answers, authorities, additionals = _HEADER.unpack_from(packet)[2:]
    found = None
    at = 12
    try:
        for _ in range(questions):
            at = _skip_name(packet, at, query) + 4
        for _ in range(answers + authorities):
            at = _skip_record(packet, at, query)
        for _ in range(additionals):
            owner, fixed = at, _skip_name(packet, at, query)
            at = _skip_record(packet, at, query)
            rtype, rclass, ttl, _ = _RECORD.unpack_from(packet, fixed)
            if rtype == OPT:
                if found is not None or packet[owner] != 0:
                    return None
                found = Edns(rclass, (ttl >> 16) & 0xFF, bool(ttl & DO))
    except Malformed:
        return None
    return found


def _skip_record(packet: bytes, at: int, query: Query) -> int:
    at = _skip_name(packet, at, query)
    if len(packet) - at < 10:
        raise Malformed("record", query)
    length: int = _RECORD.unpack_from(packet, at)[3]
    at += 10 + length
    if at > len(packet):
        raise Malformed("record", query)
    return at


def _skip_name(packet: bytes, at: int, query: Query) -> int:
    while at < len(packet):
        length = packet[at]
        if length == 0:
            return at + 1
        if length >= 0xC0:
            return at + 2
        if length > MAX_LABEL:
            break
        at += 1 + length
    raise Malformed("record", query)
