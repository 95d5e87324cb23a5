"""The records of a parsed zone as the tree of names that the checks walk.

Names are known by their keys. The tree holds only names at or below the origin.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice

import dns.name
from dns.rdatatype import DNAME, NS, RdataType, to_text

from resolverd.dns.names import WILDCARD, Key, ancestors, closest_encloser, key_of, parent
from resolverd.zone.parsed import Lost, Record


@dataclass(slots=True)
class Node:
    """What one owner has: its records by type, in the file's order; never empty."""

    owner: dns.name.Name
    records: dict[RdataType, list[Record]]

    def __iter__(self) -> Iterator[Record]:
        for records in self.records.values():
            yield from records

    def first(self) -> Record:
        """The record of this owner that is written first; findings about the owner point at it."""
        return next(iter(self))


@dataclass
class Tree:
    """The nodes of a zone; `outside` are the records whose owner is not in it.

    `lost` is what unreadable entries would have been, by key and type, None for what is unknown.
    Of a zone that was checked before, `examined` are the nodes to be checked again; else all are.
    `large` tells, once sizes are checked, of records that are looked for behind aliases.
    """

    zone: dns.name.Name
    origin: Key
    nodes: dict[Key, Node] = field(default_factory=dict)
    outside: list[Record] = field(default_factory=list)
    lost: frozenset[tuple[Key | None, RdataType | None]] = frozenset()
    examined: Mapping[Key, Node] = field(default_factory=dict)
    large: bool = False

    def __post_init__(self) -> None:
        """Examine all nodes where none are named."""
        self.examined = self.examined or self.nodes

    @property
    def apex(self) -> Node | None:
        """The node at the origin, if it has any record."""
        return self.nodes.get(self.origin)

    def contains(self, key: Key) -> bool:
        """Whether a name is at or below the origin."""
        origin = self.origin
        while len(key) > len(origin):
            key = key[1 + key[0] :]  # as `parent` has it
        return key == origin

    def was_lost(self, key: Key, *rdtypes: RdataType) -> bool:
        """Whether an unreadable entry could have been such a record."""
        if not self.lost:
            return False
        return any(
            (owner, rdtype) in self.lost for owner in (key, None) for rdtype in (*rdtypes, None)
        )

    def cut(self, key: Key) -> Key | None:
        """The zone cut that a name is at or below, the topmost if there are several."""
        return self._topmost(self.cuts, ancestors(key)) if self.cuts else None

    def dname(self, key: Key) -> Key | None:
        """The owner of a DNAME that a name is below."""
        above = islice(ancestors(key), 1, None)
        return self._topmost(self.dnames, above) if self.dnames else None

    def answering_node(self, key: Key) -> Node | None:
        """The node whose data answers for a name: its own, or a wildcard's (RFC 4592 §3.3)."""
        if (node := self.nodes.get(key)) is not None or key in self.existing:
            return node
        return self.nodes.get(WILDCARD + closest_encloser(key, self.existing))

    def exists(self, key: Key) -> bool:
        """Whether a name of the zone exists, by itself, by those below it, or by a wildcard."""
        return key in self.existing or self.answering_node(key) is not None

    def _topmost(self, keys: frozenset[Key], names: Iterable[Key]) -> Key | None:
        found = None
        for name in names:
            if len(name) < len(self.origin):
                break
            if name in keys:
                found = name
        return found

    @cached_property
    def types(self) -> frozenset[RdataType]:
        """The types of all records of the nodes that are examined."""
        return frozenset[RdataType]().union(*[node.records for node in self.examined.values()])

    @cached_property
    def cuts(self) -> frozenset[Key]:
        """The owners of NS other than the apex."""
        return frozenset(
            key for key, node in self.nodes.items() if NS in node.records and key != self.origin
        )

    @cached_property
    def dnames(self) -> frozenset[Key]:
        """The owners of DNAME."""
        return frozenset(key for key, node in self.nodes.items() if DNAME in node.records)

    @cached_property
    def existing(self) -> Container[Key]:
        """Every name that exists, empty non-terminals (RFC 4592 §2.2.2) and the apex included."""
        return with_ancestors(self.nodes, self.origin)


def with_ancestors(names: Collection[Key], origin: Key) -> set[Key]:
    """`names`, which are all at or below `origin`, and all between them and it, and itself."""
    existing = {origin, *names}
    # As `parent` has it: a call for each of many names takes longer than all else here.
    missing = {name[1 + name[0] :] for name in existing if name != origin} - existing
    while missing:
        existing |= missing
        missing = {parent(name) for name in missing} - existing
    return existing


def build_tree(origin: dns.name.Name, records: Iterable[Record], lost: Iterable[Lost]) -> Tree:
    """The tree of these records; `lost` is what unreadable entries would have been."""
    tree = Tree(
        origin,
        key_of(origin),
        lost=frozenset(
            (None if entry.owner is None else key_of(entry.owner), entry.rdtype) for entry in lost
        ),
    )
    for record in records:
        key = record.key
        node = tree.nodes.get(key)
        if node is None:
            if not tree.contains(key):
                tree.outside.append(record)
                continue
            node = tree.nodes[key] = Node(record.owner, {})
        node.records.setdefault(record.rdata.rdtype, []).append(record)
    return tree


def type_list(rdtypes: Iterable[RdataType]) -> str:
    """Types as a message lists them, in the order of their codes: ``A, MX``."""
    return ", ".join(to_text(rdtype) for rdtype in sorted(rdtypes))
