"""Longest-prefix match over a few prefixes, with the exact extent of each match.

A binary trie per family. Besides the most specific value around a prefix, a match tells
which values lie inside it, and how long a prefix of the same address must be so that all of
it is covered alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from resolverd.dns.prefix import Prefix

T = TypeVar("T")


class Match(NamedTuple, Generic[T]):
    """What a `PrefixMap` says of one prefix.

    `covering` is the value of the longest entry around the whole prefix, or None. `inside`
    are the values of entries longer than the prefix within it. `boundary` counts the bits
    such that every address sharing them with the prefix's network address is covered by
    the same entry; it may be longer than the prefix, where entries split it.
    """

    covering: T | None
    inside: tuple[T, ...]
    boundary: int


@dataclass(slots=True)
class _Node(Generic[T]):
    children: list[_Node[T] | None] = field(default_factory=lambda: [None, None])
    value: T | None = None

    def values_below(self) -> Iterator[T]:
        stack = [child for child in self.children if child]
        while stack:
            node = stack.pop()
            if node.value is not None:
                yield node.value
            stack += [child for child in node.children if child]


class PrefixMap(Generic[T]):
    """Values by prefix, both families; built once and then only read."""

    def __init__(self, entries: Iterable[tuple[Prefix, T]] = ()) -> None:
        self._roots: dict[int, _Node[T]] = {32: _Node(), 128: _Node()}
        for prefix, value in entries:
            self._insert(prefix, value)

    def match(self, prefix: Prefix) -> Match[T]:
        """Everything the map says of `prefix`; see `Match`."""
        node: _Node[T] | None = self._roots[prefix.bits]
        covering: T | None = None
        inside: tuple[T, ...] = ()
        depth = 0
        while node is not None:
            if depth <= prefix.length and node.value is not None:
                covering = node.value
            if depth == prefix.length:
                inside = tuple(node.values_below())
            if node.children == [None, None]:
                return Match(covering, inside, depth)
            bit = prefix.address >> (prefix.bits - 1 - depth) & 1
            node = node.children[bit]
            depth += 1
        return Match(covering, inside, depth)

    def leaves(self, prefix: Prefix) -> Iterator[tuple[Prefix, T | None]]:
        """`prefix` cut up where entries begin and end, in address order.

        Each piece comes with the value of the longest entry around it, or None.
        """
        node: _Node[T] | None = self._roots[prefix.bits]
        covering: T | None = None
        for depth in range(prefix.length + 1):
            if node is None:
                break
            covering = covering if node.value is None else node.value
            if depth < prefix.length:
                node = node.children[prefix.address >> (prefix.bits - 1 - depth) & 1]
        waiting = [(prefix, node, covering)]
        while waiting:
            piece, node, covering = waiting.pop()
            if node is not None and node.value is not None:
                covering = node.value
            if node is None or node.children == [None, None]:
                yield piece, covering
                continue
            half = 1 << (piece.bits - piece.length - 1)
            low = Prefix(piece.bits, piece.address, piece.length + 1)
            high = Prefix(piece.bits, piece.address | half, piece.length + 1)
            waiting += [(high, node.children[1], covering), (low, node.children[0], covering)]

    def values(self) -> Iterator[T]:
        """Every value, IPv4 before IPv6, in no order within a family."""
        for root in self._roots.values():
            if root.value is not None:
                yield root.value
            yield from root.values_below()

    def _insert(self, prefix: Prefix, value: T) -> None:
        node = self._roots[prefix.bits]
        for depth in range(prefix.length):
            bit = prefix.address >> (prefix.bits - 1 - depth) & 1
            child = node.children[bit] or _Node()
            node.children[bit] = child
            node = child
        node.value = value
