"""Read every distinct record of a database once, with the reader that will serve it.

The format's readers ask by address, and nothing says which address leads to which record.
So the data section is put under a new, complete tree in which the address j leads to record
j; the C reader then decodes half a million records in seconds, which the Python decoder
needs half a minute for.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address
from typing import NamedTuple

from resolverd.geo.database import METADATA_MARKER
from resolverd.geo.layout import Layout, read_place
from resolverd.geo.private import UNREADABLE, open_private
from resolverd.geo.tree import SEPARATOR, Tick


class RecordCounts(NamedTuple):
    """Of all distinct records: how many give a place, how many cannot be read, and why first."""

    placed: int
    unreadable: int
    first_reason: str


def count_records(data: bytes, offsets: Sequence[int], layout: Layout, tick: Tick) -> RecordCounts:
    """Decode the record at each offset of the data section, and read it as `layout` says."""
    if not offsets:
        return RecordCounts(0, 0, "")
    depth = max(1, (len(offsets) - 1).bit_length())
    opened = open_private(indexed(data, offsets, depth), "records")
    try:
        return _count(opened.reader.get, len(offsets), 32 - depth, layout, tick)
    finally:
        opened.close()


def _count(
    get: Callable[[IPv4Address], object], count: int, shift: int, layout: Layout, tick: Tick
) -> RecordCounts:
    placed = unreadable = 0
    first_reason = ""
    for index in range(count):
        try:
            placed += read_place(layout, get(IPv4Address(index << shift)), "") is not None
        except UNREADABLE as error:
            unreadable += 1
            first_reason = first_reason or _plain(error)
        if not index % 4096:
            tick(index / count)
    return RecordCounts(placed, unreadable, first_reason)


def _plain(error: Exception) -> str:
    """The reason without the made-up address that maxminddb puts in front of it."""
    text = str(error)
    _, lookup, rest = text.partition("Error while looking up data for ")
    return rest.partition(". ")[2] if lookup else text


def indexed(data: bytes, offsets: Sequence[int], depth: int) -> bytes:
    """A database in which the IPv4 address j << (32 - depth) leads to the record offsets[j]."""
    nodes = (1 << depth) - 1
    # In heap order, record k names node k + 1 until the nodes run out and the leaves begin.
    records = array("I", range(1, nodes))
    records.extend(array("I", (nodes + SEPARATOR + offset for offset in offsets)))
    records.extend(array("I", [nodes]) * (2 * nodes - len(records)))
    if sys.byteorder == "little":
        records.byteswap()
    return b"".join((records.tobytes(), bytes(SEPARATOR), data, _metadata(nodes)))


def _metadata(nodes: int) -> bytes:
    """The least metadata that a reader accepts (format 2.0, "Database Metadata")."""
    fields = {
        b"binary_format_major_version": b"\xa1\x02",
        b"binary_format_minor_version": b"\xa0",
        b"build_epoch": b"\x01\x02\x01",  # 0 is refused by the C reader
        b"database_type": b"\x47records",
        b"description": b"\xe0",
        b"ip_version": b"\xa1\x04",
        b"languages": b"\x00\x04",
        b"node_count": b"\xc4" + nodes.to_bytes(4, "big"),
        b"record_size": b"\xa1\x20",
    }
    pairs = (bytes([0x40 | len(key)]) + key + value for key, value in fields.items())
    return METADATA_MARKER + bytes([0xE0 | len(fields)]) + b"".join(pairs)
