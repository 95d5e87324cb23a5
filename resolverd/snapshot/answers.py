"""A bare query as octets, and the records of a response: what asking a Plan takes."""

from __future__ import annotations

import struct

_HEADER = struct.Struct("!6H")
_RECORD = struct.Struct("!HHIH")
_POINTER = 0xC0


def query_for(name: bytes, rtype: int) -> bytes:
    """A query for the RRset of `name` (in wire form) and type; class IN, without EDNS."""
    return _HEADER.pack(0, 0, 1, 0, 0, 0) + name + struct.pack("!HH", rtype, 1)


def answered(response: bytes, wanted: int) -> frozenset[bytes]:
    """The RDATA of the records of type `wanted` among the answers of a response to one question.

    Raises IndexError or struct.error where it ends too soon.
    """
    _, _, _, answers, _, _ = _HEADER.unpack_from(response)
    at = _after_name(response, _HEADER.size) + 4
    found = []
    for _ in range(answers):
        at = _after_name(response, at)
        rtype, _, _, length = _RECORD.unpack_from(response, at)
        at += _RECORD.size
        if rtype == wanted:
            found.append(response[at : at + length])
        at += length
    return frozenset(found)


def _after_name(message: bytes, at: int) -> int:
    while length := message[at]:
        if length >= _POINTER:
            return at + 2
        at += 1 + length
    return at + 1
