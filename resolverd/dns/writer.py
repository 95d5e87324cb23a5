"""Writing a response: sections, name compression (RFC 1035 §4.1.4), and truncation.

RDATA is a tuple of parts: octets stand as they are, `Compressible` names may be shortened to
pointers. Only the types of RFC 1035 have such names (RFC 3597 §4). The rule is simple so
that two engines can share it: a name, or the longest of its suffixes, that stands earlier
in the message is replaced by a pointer to its first occurrence.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from resolverd.dns.codes import CLASS_IN
from resolverd.dns.limits import MAX_MESSAGE
from resolverd.dns.names import ROOT
from resolverd.dns.query import CD, OPCODE, QR, RD, TC, Query

_HEADER = struct.Struct("!HHHHHH")
_FIXED = struct.Struct("!HHIH")
_TYPE_CLASS_TTL = struct.Struct("!HHI")
_QNAME_POINTER = b"\xc0\x0c"
_MAX_POINTER = 0x3FFF  # a pointer has 14 bits


class Compressible(bytes):
    """A wire-form name inside RDATA that may be compressed."""

    __slots__ = ()


Rdata = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class RRsetWire:
    """An RRset ready to be written: type, TTL in seconds, RDATA as parts."""

    rtype: int
    ttl: int
    rdatas: tuple[Rdata, ...]


class Overflow(Exception):  # noqa: N818 - not an error: the signal to truncate
    """The message would be over its limit in octets; the caller sends `truncated` instead."""


class Writer:
    """One response in the making, at most `limit` octets with the OPT record counted.

    Whatever is added is required (a referral's glue too, RFC 9471), so once something does
    not fit nothing more is written, `finish` raises `Overflow`, and the caller truncates. It is
    raised no sooner, so that a truncated answer's RCODE is that of the whole one.
    """

    def __init__(self, query: Query, limit: int) -> None:
        self._query = query
        self._body = bytearray(query.question)
        self._limit = limit - 12
        self._counts = [0, 0, 0]
        self._offsets: dict[bytes, int] = {}
        self._mapped = False
        self._full = False

    def answer(self, owner: bytes, rrset: RRsetWire, ttl: int) -> None:
        """Add an RRset of `owner` (wire form) to the answer section, with `ttl` in seconds."""
        self._rrset(0, owner, rrset, ttl)

    def authority(self, owner: bytes, rrset: RRsetWire, ttl: int) -> None:
        """Add an RRset to the authority section, as `answer` does."""
        self._rrset(1, owner, rrset, ttl)

    def additional(self, owner: bytes, rrset: RRsetWire, ttl: int) -> None:
        """Add an RRset to the additional section, as `answer` does."""
        self._rrset(2, owner, rrset, ttl)

    def finish(self, rcode: int, flags: int, opt: bytes) -> bytes:
        """The message: `rcode` of twelve bits, `flags` such as AA, the encoded OPT or nothing."""
        if self._full or len(self._body) + len(opt) > self._limit:
            raise Overflow
        echoed = self._query.flags & (OPCODE | RD | CD)
        answers, authorities, additionals = self._counts
        header = _HEADER.pack(
            self._query.id,
            QR | echoed | flags | (rcode & 0xF),
            1 if self._query.question else 0,
            answers,
            authorities,
            additionals + bool(opt),
        )
        return header + bytes(self._body) + opt

    def _rrset(self, section: int, owner: bytes, rrset: RRsetWire, ttl: int) -> None:
        body = self._body
        asked = owner == self._query.name
        for rdata in rrset.rdatas:
            if self._full:
                return
            if asked:
                body += _QNAME_POINTER
            else:
                self._name(owner)
            self._record(rrset.rtype, ttl, rdata)
            self._full = len(body) > self._limit
        self._counts[section] += len(rrset.rdatas)

    def _record(self, rtype: int, ttl: int, rdata: Rdata) -> None:
        body = self._body
        if len(rdata) == 1 and type(rdata[0]) is bytes:
            body += _FIXED.pack(rtype, CLASS_IN, ttl, len(rdata[0])) + rdata[0]
            return
        body += _TYPE_CLASS_TTL.pack(rtype, CLASS_IN, ttl) + b"\0\0"
        start = len(body)
        for part in rdata:
            if isinstance(part, Compressible):
                self._name(part)
            else:
                body += part
        body[start - 2 : start] = (len(body) - start).to_bytes(2, "big")

    def _name(self, name: bytes) -> None:
        if not self._mapped:
            self._mapped = True
            self._remember(self._query.name, 12)
        body, offsets = self._body, self._offsets
        key = name.lower()
        at = 0
        while key[at:] != ROOT:
            known = offsets.get(key[at:])
            if known is not None:
                body += (0xC000 | known).to_bytes(2, "big")
                return
            here = 12 + len(body)
            if here <= _MAX_POINTER:
                offsets[key[at:]] = here
            body += name[at : at + 1 + name[at]]
            at += 1 + name[at]
        body += ROOT

    def _remember(self, name: bytes, offset: int) -> None:
        key, at = name.lower(), 0
        while key[at : at + 1] not in {ROOT, b""}:
            self._offsets.setdefault(key[at:], offset + at)
            at += 1 + key[at]


def bare(query: Query, rcode: int, flags: int, opt: bytes) -> bytes:
    """A response with no record but its OPT: an error, or a truncated answer."""
    return Writer(query, MAX_MESSAGE).finish(rcode, flags, opt)


def truncated(query: Query, rcode: int, flags: int, opt: bytes) -> bytes:
    """What is sent when the answer does not fit: nothing but TC (RFC 2181 §9)."""
    return bare(query, rcode, flags | TC, opt)
