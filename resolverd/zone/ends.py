"""What an answer may end in: each RRset of a node, and each referral with its glue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import dns.name
import dns.rdtypes.ANY.NS
from dns.rdatatype import AAAA, NS, A, to_text

from resolverd.dns.names import WILDCARD, Key, key_of
from resolverd.zone.octets import FIXED, bound, sent
from resolverd.zone.parsed import Record
from resolverd.zone.tree import Node, Tree

_LONGEST_NAME = 255
_GLUE = {A: 4, AAAA: 16}
_MOST_GLUE = _LONGEST_NAME + FIXED


@dataclass(frozen=True, slots=True)
class End:
    """Records of one owner that are sent together, and the addresses that go with them.

    The question's name may be `longer` than the owner, which a wildcard or a zone cut answers for.
    """

    owner: dns.name.Name
    what: str
    records: list[Record]
    glue: tuple[tuple[dns.name.Name, int], ...]
    longer: int

    def size(self, ahead: int = 0) -> int:
        """The octets that they take in a message, behind a question and `ahead` more."""
        return sent(self.owner, self.records, glue=self.glue, ahead=ahead + self.longer)


def ends(key: Key, node: Node, tree: Tree, least: int) -> Iterator[End]:
    """All that a node's name may be answered with that may take more than `least` octets."""
    for rdtype, records in node.records.items():
        if bound(rdtype, records) > least:
            longer = _LONGEST_NAME if key.startswith(WILDCARD) else 0
            yield End(node.owner, to_text(rdtype), records, (), longer)
    if NS in node.records and node is not tree.apex:
        servers = node.records[NS]
        glue = tuple(_glue(servers, tree))
        if bound(NS, servers) + sum(_MOST_GLUE + octets for _, octets in glue) > least:
            yield End(node.owner, "referral", servers, glue, _LONGEST_NAME)


def _glue(servers: list[Record], tree: Tree) -> Iterator[tuple[dns.name.Name, int]]:
    """The addresses at and below zone cuts, of which nothing may be left out (RFC 9471)."""
    for record in servers:
        target = cast(dns.rdtypes.ANY.NS.NS, record.rdata).target
        key = key_of(target)
        held = tree.nodes.get(key)
        if held is not None and tree.cut(key) is not None:
            for rdtype, octets in _GLUE.items():
                for _ in held.records.get(rdtype, ()):
                    yield target, octets
