"""Whether a response is the one that a query for a zone's SOA has to get, told octet by octet.

A general parser takes a tenth of a millisecond for each, and a host may have ten thousand zones.
So this knows one shape alone: the question again, and one record, whose two names are labels or a
pointer back. Of any other response it says nothing; a general parser is there to say what it is.
"""

from __future__ import annotations

import struct

_HEADER = struct.Struct("!6H")
_RECORD = struct.Struct("!HHHIH")
_QR_AA = 0x8400
_OPCODE_TO_RCODE = 0xFECF  # all flags but RD, AD and CD, which repeat the query's (RFC 6895 §2.1)
_QUESTION = 0xC00C  # a pointer to the name that was asked for
_POINTER = 0xC0
_NUMBERS = 20  # octets of an SOA's numbers, behind its names (RFC 1035 §3.3.13)
_MAX_NAME = 255  # octets (RFC 1035 §3.1)
_SOA, _IN = 6, 1


def gives_serial(query: bytes, response: bytes, serial: bytes) -> bool:
    """Whether `response` answers `query` with authority and one SOA of this serial (4 octets).

    `query` is a header and a question for an SOA. False of what is wrong, and of what is right in
    another shape.
    """
    end = len(query)
    if len(response) < end + _RECORD.size + _NUMBERS or response[12:end] != query[12:]:
        return False
    number, flags, *counts = _HEADER.unpack_from(response)
    if number != int.from_bytes(query[:2], "big") or flags & _OPCODE_TO_RCODE != _QR_AA:
        return False
    owner, rtype, rclass, _, length = _RECORD.unpack_from(response, end)
    at = end + _RECORD.size
    if counts != [1, 1, 0, 0] or (owner, rtype, rclass) != (_QUESTION, _SOA, _IN):
        return False
    if at + length != len(response):
        return False
    for _ in range(2):
        at = _after_name(response, at)
        if not at:
            return False
    return at + _NUMBERS == len(response) and response[at : at + 4] == serial


def _after_name(message: bytes, at: int) -> int:
    """Where the name at `at` ends, each pointer in it leading back; 0 where it is none."""
    end, octets, before = 0, 1, at
    while at < len(message) and (length := message[at]):
        if length >= _POINTER and at + 1 < len(message):
            end = end or at + 2
            at = (length & ~_POINTER) << 8 | message[at + 1]
            if at >= before:
                return 0
            before = at
        elif length < 64:  # the two bits above tell the kind (RFC 1035 §4.1.4)
            octets += 1 + length
            at += 1 + length
        else:
            return 0
        if octets > _MAX_NAME:
            return 0
    return end or at + 1
