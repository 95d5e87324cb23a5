"""What an answer may end in, and its size: RRsets of a node, and referrals with their glue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import dns.name
import dns.rdtypes.ANY.NS
from dns.rdatatype import AAAA, NS, A, to_text

from resolverd.dns.limits import MAX_NAME
from resolverd.dns.names import WILDCARD, Key, key_of
from resolverd.zone.octets import FIXED, max_size, message_size
from resolverd.zone.parsed import Record
from resolverd.zone.tree import Node, Tree

_GLUE = {A: 4, AAAA: 16}
_MAX_GLUE = MAX_NAME + FIXED


@dataclass(frozen=True, slots=True)
class FinalRecords:
    """Records of one owner that are sent together, and the addresses that go with them.

    `kind` is their type, or "referral". `glue` are the owners of addresses that a referral carries,
    with the octets of each address. A wildcard or a zone cut answers for names below itself, which
    may have `qname_surplus` octets more than the owner.
    """

    owner: dns.name.Name
    kind: str
    records: list[Record]
    glue: tuple[tuple[dns.name.Name, int], ...]
    qname_surplus: int

    def size(self, preceding: int = 0) -> int:
        """The octets that they take in a message, after a question and `preceding` more."""
        return message_size(
            self.owner, self.records, glue=self.glue, preceding=preceding + self.qname_surplus
        )


def final_records(key: Key, node: Node, tree: Tree, over: int) -> Iterator[FinalRecords]:
    """All that a node's name may be answered with that may take more than `over` octets."""
    for rdtype, records in node.records.items():
        if max_size(rdtype, records) > over:
            qname_surplus = MAX_NAME if key.startswith(WILDCARD) else 0
            yield FinalRecords(node.owner, to_text(rdtype), records, (), qname_surplus)
    if NS in node.records and node is not tree.apex:
        servers = node.records[NS]
        glue = tuple(_glue(servers, tree))
        if max_size(NS, servers) + sum(_MAX_GLUE + octets for _, octets in glue) > over:
            yield FinalRecords(node.owner, "referral", servers, glue, MAX_NAME)


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
