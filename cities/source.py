"""A full city database as what is made smaller: trees of records, and the place of each record.

A record is a number: 0 and up is a node, `NOWHERE` is no place, and below that, ``-2 - n`` is the
place `n`. Two files may stand for one database, one for each family, as npm has them.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from ipaddress import IPv4Address
from pathlib import Path
from typing import NamedTuple

from resolverd.errors import GeoError
from resolverd.geo.database import METADATA_MARKER, Database, Metadata, read_file
from resolverd.geo.layout import read_place
from resolverd.geo.place import Place
from resolverd.geo.private import open_private
from resolverd.geo.records import indexed
from resolverd.geo.tree import SEPARATOR, SearchTree, parse_tree, survey

NOWHERE = -1


class Family(NamedTuple):
    """One family's tree: where it begins, and the records of each node's two halves.

    `cut` is the node of the IPv4 subtree, which an IPv6 tree goes without.
    """

    root: int
    left: array[int]
    right: array[int]
    cut: int | None


class Source(NamedTuple):
    """A whole database: IPv4, and IPv6 if any file has it; `built` in seconds since 1970."""

    v4: Family
    v6: Family | None
    places: Sequence[Place]
    built: int


def read_source(paths: Sequence[Path]) -> Source:
    """Read one file with both families, or one of IPv4 and one of IPv6.

    Raises GeoError for a file that cannot be read, or where no file has IPv4.
    """
    families: dict[int, Family] = {}
    places: list[Place] = []
    built = 0
    for path in paths:
        metadata, found = _families(path, places)
        built = max(built, metadata.build_epoch)
        for bits, family in found.items():
            families.setdefault(bits, family)
    if 32 not in families:
        raise GeoError(f"{', '.join(map(str, paths))}: no IPv4 in it; name a database that has it")
    return Source(families[32], families.get(128), places, built)


def _families(path: Path, places: list[Place]) -> tuple[Metadata, dict[int, Family]]:
    content = read_file(path)
    database = Database.of(content, path.name)
    metadata = database.metadata
    database.close()
    tree = parse_tree(content, metadata.node_count, metadata.record_size)
    start = metadata.node_count * metadata.record_size // 4 + SEPARATOR
    data = content[start : content.rindex(METADATA_MARKER)]
    offsets = survey(tree, metadata.ip_version, len(data), lambda part: None).offsets
    numbers = _read_places(data, offsets, metadata, places)
    left, right = (_numbered(side, metadata.node_count, numbers) for side in tree[1:])
    return metadata, _by_family(metadata, SearchTree(metadata.node_count, left, right))


def _read_places(
    data: bytes, offsets: Sequence[int], metadata: Metadata, places: list[Place]
) -> dict[int, int]:
    """The number of each record by its offset; places that are new are added to `places`."""
    known = {place: number for number, place in enumerate(places)}
    numbers = {}
    depth = max(1, (len(offsets) - 1).bit_length())
    opened = open_private(indexed(data, offsets, depth), "records")
    try:
        for index, offset in enumerate(offsets):
            record = opened.reader.get(IPv4Address(index << (32 - depth)))
            place = read_place(metadata.layout, record, "")
            if place is not None and place not in known:
                known[place] = len(places)
                places.append(place)
            numbers[offset] = NOWHERE if place is None else -2 - known[place]
    finally:
        opened.close()
    return numbers


def _numbered(side: array[int], count: int, numbers: dict[int, int]) -> array[int]:
    by_record = {count + SEPARATOR + offset: number for offset, number in numbers.items()}
    by_record[count] = NOWHERE
    return array("i", (record if record < count else by_record[record] for record in side))


def _by_family(metadata: Metadata, tree: SearchTree) -> dict[int, Family]:
    _, left, right = tree
    if metadata.ip_version == 4:
        return {32: Family(0, left, right, None)}
    node = 0
    for _ in range(96):
        if node < 0:
            break
        node = left[node]
    v6 = Family(0, left, right, node if node >= 0 else None)
    if node == NOWHERE:
        return {128: v6}
    return {32: Family(node, left, right, None), 128: v6}
