"""The octets of the city table: a MaxMind DB in MaxMind's own layout, so that any reader serves it.

Records are as small as the format allows: text that comes again is a pointer (format 2.0, "Output
Data Section"), the continent is left out where it is the country's own, and a whole number of
degrees and tenths is a double as MaxMind has it. Nothing here depends on the day or the machine.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from cities.source import NOWHERE
from resolverd.geo.database import METADATA_MARKER
from resolverd.geo.place import Place
from resolverd.geo.tree import SEPARATOR

TYPE = "DBIP-City-Lite"
_RECORD_BITS = 24
_POINTER, _TEXT, _DOUBLE, _UINT16, _UINT32, _MAP, _UINT64, _ARRAY = 1, 2, 3, 5, 6, 7, 9, 11
_IPV4_DEPTH = 96


def mmdb(
    places: Sequence[Place],
    nodes: Sequence[tuple[int, int]],
    root: int,
    built: int,
    description: str,
) -> bytes:
    """The database whose IPv6 tree begins at `root`; `built` in seconds since 1970.

    Raises ValueError where it is too large for records of 24 bits.
    """
    numbers = _numbered(nodes, root)
    data, offsets = _data(places, _used(nodes, numbers))
    if len(numbers) + SEPARATOR + len(data) >= 1 << _RECORD_BITS:
        raise ValueError("more nodes and data than records of 24 bits can name; raise the price")

    def octets(record: int) -> bytes:
        if record >= 0:
            return numbers[record].to_bytes(3, "big")
        data_at = 0 if record == NOWHERE else SEPARATOR + offsets[-2 - record]
        return (len(numbers) + data_at).to_bytes(3, "big")

    tree = b"".join(octets(half) for node in numbers for half in nodes[node])
    return tree + bytes(SEPARATOR) + data + _metadata(len(numbers), built, description)


def graft(
    node: Callable[[int, int], int], nodes: Sequence[tuple[int, int]], v6: int, v4: int
) -> int:
    """The root of a tree that is `v6`, but `v4` below ::/96."""

    def below(record: int, depth: int) -> int:
        if depth == _IPV4_DEPTH:
            return v4
        low, high = nodes[record] if record >= 0 else (record, record)
        return node(below(low, depth + 1), high)

    return below(v6, 0)


def _numbered(nodes: Sequence[tuple[int, int]], root: int) -> dict[int, int]:
    """The number of each node that is reached: the root first, those of two leaves last.

    Nodes as high as each other stand together, in the order of their halves. So what is alike is
    side by side, and takes a twelfth less when it is packed than in the order of first visit.
    """
    order: list[int] = []
    seen: set[int] = set()
    pending = [root]
    while pending:
        node = pending.pop()
        if node < 0:
            order.append(~node)
        elif node not in seen:
            seen.add(node)
            pending.append(~node)
            pending += [half for half in nodes[node] if half >= 0 and half not in seen]
    height: dict[int, int] = {}
    levels: list[list[int]] = []
    for node in order:  # halves before what they are halves of
        level = max((height[half] + 1 for half in nodes[node] if half >= 0), default=0)
        height[node] = level
        if level == len(levels):
            levels.append([])
        levels[level].append(node)
    numbers: dict[int, int] = {}
    free = len(order)

    def rank(half: int) -> int:
        return numbers[half] if half >= 0 else len(order) - half

    for alike in levels:
        alike.sort(key=lambda node: (rank(nodes[node][0]), rank(nodes[node][1])))
        free -= len(alike)
        numbers.update(zip(alike, range(free, free + len(alike)), strict=True))
    return dict(sorted(numbers.items(), key=lambda pair: pair[1]))


def _used(nodes: Sequence[tuple[int, int]], numbers: dict[int, int]) -> list[int]:
    """The places that some node names, in order."""
    return sorted({-2 - half for node in numbers for half in nodes[node] if half < NOWHERE})


def _data(places: Sequence[Place], used: Sequence[int]) -> tuple[bytes, dict[int, int]]:
    """The data section, and where in it the record of each place is."""
    data = bytearray()
    shared: dict[bytes, int] = {}
    offsets = {}

    def once(encoded: bytes) -> bytes:
        if len(encoded) < 3:
            return encoded
        if encoded not in shared:
            shared[encoded] = len(data)
            data.extend(encoded)
        return _pointer(shared[encoded])

    for number in used:
        place = places[number]
        parts: list[tuple[str, bytes]] = []
        if place.country is not None:
            parts.append(("country", _map(once, [("iso_code", _text(place.country))])))
        if place.continent is not None:
            parts.append(("continent", _map(once, [("code", _text(place.continent))])))
        pairs = [(key, once(value)) for key, value in parts]
        if place.latitude is not None and place.longitude is not None:
            degrees = [("latitude", place.latitude), ("longitude", place.longitude)]
            pairs.append(("location", _map(once, [(key, _double(d)) for key, d in degrees])))
        encoded = _map(once, pairs)
        offsets[number] = len(data)
        data.extend(encoded)
    return bytes(data), offsets


def _map(once: Callable[[bytes], bytes], pairs: Sequence[tuple[str, bytes]]) -> bytes:
    return _control(_MAP, len(pairs)) + b"".join(once(_text(key)) + value for key, value in pairs)


def _metadata(node_count: int, built: int, description: str) -> bytes:
    fields = {
        "binary_format_major_version": _unsigned(_UINT16, 2),
        "binary_format_minor_version": _unsigned(_UINT16, 0),
        "build_epoch": _unsigned(_UINT64, built),
        "database_type": _text(TYPE),
        "description": _control(_MAP, 1) + _text("en") + _text(description),
        "ip_version": _unsigned(_UINT16, 6),
        "languages": _control(_ARRAY, 1) + _text("en"),
        "node_count": _unsigned(_UINT32, node_count),
        "record_size": _unsigned(_UINT16, _RECORD_BITS),
    }
    pairs = b"".join(_text(key) + value for key, value in fields.items())
    return METADATA_MARKER + _control(_MAP, len(fields)) + pairs


def _pointer(offset: int) -> bytes:
    """A pointer of 11, 19 or 27 bits; the longer ones begin where the shorter end."""
    if offset < 2048:
        return bytes([_POINTER << 5 | offset >> 8, offset & 0xFF])
    if offset < 2048 + (1 << 19):
        rest = offset - 2048
        return bytes([_POINTER << 5 | 1 << 3 | rest >> 16]) + (rest & 0xFFFF).to_bytes(2, "big")
    rest = offset - 2048 - (1 << 19)
    return bytes([_POINTER << 5 | 2 << 3 | rest >> 24]) + (rest & 0xFFFFFF).to_bytes(3, "big")


def _text(text: str) -> bytes:
    octets = text.encode()
    return _control(_TEXT, len(octets)) + octets


def _double(number: float) -> bytes:
    return _control(_DOUBLE, 8) + struct.pack("!d", number)


def _unsigned(kind: int, value: int) -> bytes:
    width = (value.bit_length() + 7) // 8
    return _control(kind, width) + value.to_bytes(width, "big")


def _control(kind: int, size: int) -> bytes:
    """A value's type and size, below 285 (format 2.0, "Control Byte")."""
    small, extra = (size, b"") if size < 29 else (29, bytes([size - 29]))
    if kind > _MAP:
        return bytes([small, kind - 7]) + extra
    return bytes([kind << 5 | small]) + extra
