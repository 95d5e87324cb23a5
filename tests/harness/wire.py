"""Reading a message octet by octet, to say what friendly parsers would forgive.

Nothing here shares code with the writer under test.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import dns.rdata
import dns.rdataclass
import dns.rdatatype

# RFC 3597 §4: only the well-known types of RFC 1035 may have compressed names inside.
_NAMES_INSIDE = {2: 0, 5: 0, 6: 0, 12: 0, 15: 2}
OPT = 41


class RawRecord(NamedTuple):
    """One record of a message; `section` is 0 to 2, `name` uncompressed and lowered."""

    section: int
    name: bytes
    rtype: int
    rclass: int
    ttl: int
    rdata: bytes


def raw_records(message: bytes) -> list[RawRecord]:
    """Every record of `message`, with any name inside its RDATA written out.

    Asserts that the counts fill the message exactly, that each pointer leads backwards to
    where a name began or went on, and that no other RDATA holds a pointer.
    """
    questions, *counts = struct.unpack("!HHHH", message[4:12])
    at = 12
    labels: set[int] = set()
    for _ in range(questions):
        _, at = _name(message, at, labels)
        at += 4
    found = []
    for section, count in enumerate(counts):
        for _ in range(count):
            name, at = _name(message, at, labels)
            rtype, rclass, ttl, length = struct.unpack("!HHIH", message[at : at + 10])
            at += 10
            rdata = _rdata(message, rtype, at, length, labels)
            at += length
            found.append(RawRecord(section, name.lower(), rtype, rclass, ttl, rdata))
    assert at == len(message), f"{len(message) - at} octets after the last record"
    return found


def assert_no_duplicates(records: list[RawRecord]) -> None:
    """RFC 2181 §5: an RRset has no two equal records."""
    seen = Counter(
        (r.section, r.name, r.rtype, r.rdata.lower() if r.rtype in _NAMES_INSIDE else r.rdata)
        for r in records
    )
    assert not [record for record, times in seen.items() if times > 1], "a record stands twice"


def assert_one_ttl_per_rrset(records: list[RawRecord]) -> None:
    """RFC 2181 §5.2: the TTLs inside an RRset are equal."""
    ttls: dict[tuple[int, bytes, int], int] = {}
    for r in records:
        assert ttls.setdefault((r.section, r.name, r.rtype), r.ttl) == r.ttl, records


def _rdata(message: bytes, rtype: int, at: int, length: int, labels: set[int]) -> bytes:
    rdata = message[at : at + length]
    assert len(rdata) == length, "RDLENGTH leads past the end"
    if rtype in _NAMES_INSIDE:
        names, end = [rdata[: _NAMES_INSIDE[rtype]]], at + _NAMES_INSIDE[rtype]
        for _ in range(2 if rtype == 6 else 1):
            name, end = _name(message, end, labels)
            names.append(name)
        names.append(message[end : at + length])
        assert len(names[-1]) == (20 if rtype == 6 else 0), "RDATA is longer than its names"
        return b"".join(names)
    if rtype != OPT:
        read = dns.rdata.from_wire(
            dns.rdataclass.IN, dns.rdatatype.RdataType.make(rtype), rdata, 0, length
        )
        assert read.to_wire() == rdata, f"type {rtype} holds a compressed name"
    return rdata


def _name(message: bytes, at: int, labels: set[int]) -> tuple[bytes, int]:
    """The name at `at`, written out, and where what follows it begins."""
    parts = []
    end = 0
    for start, label in _labels(message, at, labels):
        if message[start] >= 0xC0:
            end = end or start + 2
            continue
        parts.append(label)
        if not end:
            labels.add(start)
            if label == b"\0":
                end = start + 1
    name = b"".join(parts)
    assert len(name) <= 255, "a name longer than 255 octets"
    return name, end


def _labels(message: bytes, at: int, labels: set[int]) -> Iterator[tuple[int, bytes]]:
    while True:
        length = message[at]
        if length >= 0xC0:
            target = int.from_bytes(message[at : at + 2], "big") & 0x3FFF
            assert target < at, f"the pointer at {at} leads forward, to {target}"
            assert target in labels, f"the pointer at {at} leads to {target}, where no name is"
            yield at, b""
            at = target
            continue
        assert length < 64, f"a label of type {length >> 6} at {at}"
        yield at, message[at : at + 1 + length]
        if length == 0:
            return
        at += 1 + length
