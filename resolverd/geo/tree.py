"""The binary search tree of a MaxMind DB, checked whole (MaxMind DB format 2.0).

A node is two records of 24, 28 or 32 bits. A record below `node_count` names a node, one
equal to it says "nothing here", one above it points into the data section, past 16 zero
bytes. Both sides of all nodes are laid out as two arrays by strided slices, so that 11
million nodes are checked in seconds without one Python step per node.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable
from itertools import chain
from typing import NamedTuple

from resolverd.errors import GeoError

SEPARATOR = 16
"""Zero bytes between the tree and the data section."""

Tick = Callable[[float], None]
"""Called with the fraction done, from 0 to 1."""

_HIGH_NIBBLE = bytes(i >> 4 for i in range(256))
_LOW_NIBBLE = bytes(i & 15 for i in range(256))


class Survey(NamedTuple):
    """What a sound tree holds: records that name data, and the distinct data offsets."""

    networks: int
    offsets: list[int]


class SearchTree(NamedTuple):
    """The left and right records of every node, in node order."""

    node_count: int
    left: array[int]
    right: array[int]


def survey(tree: SearchTree, ip_version: int, data_size: int, tick: Tick) -> Survey:
    """Check every record and every path.

    Raises GeoError, without the file's name, when a record points outside the file, or when
    some address would end in the middle of the tree (a cycle, or a path that is too long).
    """
    offsets, networks = _data_offsets(tree, data_size)
    tick(0.3)
    if ip_version == 4:
        _descend(tree, 0, 32, None, tick)
        return Survey(networks, offsets)
    ipv4_start = _ipv4_start(tree)
    if ipv4_start >= tree.node_count:
        _descend(tree, 0, 128, None, tick)
        return Survey(networks, offsets)
    # 2002::/16 and others usually lead into the IPv4 subtree again; it is walked once.
    visits = _descend(tree, 0, 128, ipv4_start, tick)
    _descend(tree, ipv4_start, 32, None, tick, visits)
    return Survey(networks, offsets)


def parse_tree(content: bytes, node_count: int, record_size: int) -> SearchTree:
    """Split the tree at the start of `content`. Raises GeoError when it does not fit."""
    size = record_size // 4
    if node_count < 1 or node_count * size + SEPARATOR > len(content):
        raise GeoError(f"its search tree of {node_count} nodes does not fit into the file")
    nodes = content[: node_count * size]
    columns = [nodes[i::size] for i in range(size)]
    zero = bytes(node_count)
    if record_size == 24:
        sides = ((zero, *columns[:3]), (zero, *columns[3:]))
    elif record_size == 28:  # the middle byte holds the top nibble of both records
        sides = (
            (columns[3].translate(_HIGH_NIBBLE), *columns[:3]),
            (columns[3].translate(_LOW_NIBBLE), *columns[4:]),
        )
    else:
        sides = (tuple(columns[:4]), tuple(columns[4:]))
    return SearchTree(node_count, _interleave(sides[0]), _interleave(sides[1]))


def _interleave(columns: tuple[bytes, ...]) -> array[int]:
    """Unsigned 32-bit numbers from their four columns, most significant first."""
    joined = bytearray(4 * len(columns[0]))
    for position, column in enumerate(columns):
        joined[position::4] = column
    numbers = array("I", bytes(joined))
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers


def _data_offsets(tree: SearchTree, data_size: int) -> tuple[list[int], int]:
    """The distinct data offsets, ascending, and how many records point to data."""
    count = tree.node_count
    found: set[int] = set()
    networks = 0
    for side in (tree.left, tree.right):
        pointers = array("I", filter(count.__lt__, side))
        found.update(pointers)
        networks += len(pointers)
    offsets = sorted(pointer - count - SEPARATOR for pointer in found)
    if offsets and (offsets[0] < 0 or offsets[-1] >= data_size):
        raise GeoError("its search tree points outside the data section")
    return offsets, networks


def _ipv4_start(tree: SearchTree) -> int:
    node = 0
    for _ in range(96):
        if node >= tree.node_count:
            break
        node = tree.left[node]
    return node


def _descend(
    tree: SearchTree, start: int, bits: int, cut: int | None, tick: Tick, before: int = 0
) -> int:
    """Follow every path from `start`, level by level; each must end within `bits` bits.

    Edges into `cut` are not followed, for that subtree is checked on its own as 32 bits deep.
    `before` counts the nodes visited earlier; returns how many have been by now.
    """
    count, left, right = tree
    level = array("I", [start])
    visits = 0
    for depth in range(1, bits + 1):
        visits += len(level)
        level = array(
            "I",
            filter(
                count.__gt__,
                chain(map(left.__getitem__, level), map(right.__getitem__, level)),
            ),
        )
        if cut is not None and cut in level:
            if depth > 96:
                raise GeoError("its IPv4 subtree hangs too deep in the search tree")
            level = array("I", filter(cut.__ne__, level))
        if visits > count:
            # Some node has two parents. Rare and legal; merging them bounds the work.
            level = array("I", set(level))
        if visits > 8 * count + 1024:
            raise GeoError("its search tree has a cycle, or nodes shared beyond reason")
        if not level:
            return before + visits
        tick(0.3 + 0.7 * min(1.0, (before + visits) / count))
    raise GeoError(f"its search tree has paths longer than {bits} bits: a cycle")
