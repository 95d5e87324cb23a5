"""The octets that records of an image point into, and objects that records are known by."""

from __future__ import annotations

import struct
from typing import Generic, TypeVar

from resolverd.dns.codes import CLASS_IN
from resolverd.dns.writer import Compressible, RRsetWire

T = TypeVar("T")

_RECORD = struct.Struct("!HHHIH")
_PART = struct.Struct("<BH")
_QNAME_POINTER = 0xC00C


class Places(Generic[T]):
    """Objects in the order in which they were first met, each once."""

    def __init__(self) -> None:
        self.met: list[T] = []
        self._places: dict[int, int] = {}

    def of(self, wanted: T) -> int:
        place = self._places.get(id(wanted))
        if place is None:
            place = self._places[id(wanted)] = len(self.met)
            self.met.append(wanted)
        return place


class Pool:
    """Octets that records point into, after `before` others; a name stands once among them."""

    def __init__(self, before: int = 0) -> None:
        self.octets = bytearray()
        self._before = before
        self._names: dict[bytes, int] = {}

    def add(self, octets: bytes) -> int:
        at = self._before + len(self.octets)
        self.octets += octets
        return at

    def name(self, name: bytes) -> int:
        at = self._names.get(name)
        if at is None:
            at = self._names[bytes(name)] = self.add(name)
        return at


def whole(rrset: RRsetWire) -> bytes | None:
    """The records as they go into a message; None where a name in them may be compressed."""
    made = []
    for rdata in rrset.rdatas:
        for part in rdata:
            if isinstance(part, Compressible):
                return None
        wire = b"".join(rdata)
        head = _RECORD.pack(_QNAME_POINTER, rrset.rtype, CLASS_IN, rrset.ttl, len(wire))
        made.append(head + wire)
    return b"".join(made)


def in_parts(rrset: RRsetWire) -> bytes:
    octets = bytearray()
    for rdata in rrset.rdatas:
        octets.append(len(rdata))
        for part in rdata:
            octets += _PART.pack(isinstance(part, Compressible), len(part)) + part
    return bytes(octets)
