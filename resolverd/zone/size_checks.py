"""What no DNS message can carry, and so what could never be answered.

RDATA has a length of 16 bits (RFC 1035 §3.2.1), and so has a message over TCP (§4.2.2): an RRset,
or a referral with its glue, that does not fit into one with its header, question and OPT record
would be truncated for ever. Sizes are octets as sent, names compressed.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import cast

import dns.name
import dns.rdtypes.ANY.NS
from dns.rdatatype import AAAA, CNAME, NS, PTR, SOA, A, RdataType, to_text

from resolverd.dns.names import key_of
from resolverd.errors import Problem
from resolverd.zone.catalogue import found
from resolverd.zone.draft import Record
from resolverd.zone.dyna import DYNA
from resolverd.zone.tree import Node, Tree

MOST_RDATA = 65_535
MOST_ANSWER = 65_535 - 512
"""Octets of a message, less those of the header, of the longest question, and of an OPT record."""

_FIXED = 10  # TYPE, CLASS, TTL, RDLENGTH
_POINTER = 2
# Octets that RDATA of these types has at most: nobody need write theirs out to know.
_MOST_OF = {A: 4, AAAA: 16, NS: 255, CNAME: 255, PTR: 255, SOA: 530, DYNA: 0}
_GLUE = {A: _POINTER + _FIXED + 4, AAAA: _POINTER + _FIXED + 16}


def check_sizes(tree: Tree) -> Iterator[Problem]:
    """Every record, RRset and referral of the zone that no message can carry."""
    for node in tree.nodes.values():
        for rdtype, records in node.records.items():
            large = [record for record in records if _length(record, rdtype) > MOST_RDATA]
            for record in large:
                yield _too_large(record, rdtype)
            if not large and _bound(rdtype, records) > MOST_ANSWER:
                yield from _check_rrset(node, rdtype, records)
        if NS in node.records and node is not tree.apex:
            yield from _check_referral(node, tree)


def _length(record: Record, rdtype: RdataType) -> int:
    if rdtype in _MOST_OF:
        return _MOST_OF[rdtype]
    return len(record.rdata.to_wire() or b"")


def _bound(rdtype: RdataType, records: list[Record]) -> int:
    return sum(_POINTER + _FIXED + _length(record, rdtype) for record in records)


def _too_large(record: Record, rdtype: RdataType) -> Problem:
    return found(
        "zone-too-large",
        record.at_rdata(0),
        f"{record.owner} {to_text(rdtype)} has {_length(record, rdtype):,} octets of data; a "
        f"record has at most {MOST_RDATA:,}",
        "write less, or split it into several records at several owners",
    )


def _check_rrset(node: Node, rdtype: RdataType, records: list[Record]) -> Iterator[Problem]:
    size = _sent(node.owner, records)
    if size > MOST_ANSWER:
        yield found(
            "zone-too-large",
            records[-1].at_type(),
            f"{node.owner} {to_text(rdtype)} takes {size:,} octets; an answer has room for "
            f"{MOST_ANSWER:,}",
            "keep fewer records at this owner",
        )


def _check_referral(node: Node, tree: Tree) -> Iterator[Problem]:
    """NS and the glue that goes with it (RFC 9471), of which nothing may be left out."""
    servers = node.records[NS]
    size = _bound(NS, servers)
    for record in servers:
        held = tree.nodes.get(key_of(cast(dns.rdtypes.ANY.NS.NS, record.rdata).target))
        for rdtype, octets in _GLUE.items():
            size += octets * len(held.records.get(rdtype, ())) if held is not None else 0
    if size > MOST_ANSWER:
        glue = size - _bound(NS, servers)
        size = _sent(node.owner, servers) + glue
    if size > MOST_ANSWER:
        yield found(
            "zone-too-large",
            servers[0].at_type(),
            f"the referral of {node.owner} takes {size:,} octets with its glue; an answer has room "
            f"for {MOST_ANSWER:,}",
            "keep fewer name servers, or fewer addresses of theirs",
        )


def _sent(owner: dns.name.Name, records: list[Record]) -> int:
    """The octets of records in an answer that begins with a question for their owner."""
    message = io.BytesIO()
    names: dict[dns.name.Name, int] = {}
    owner.to_wire(message, names)
    before = message.tell()
    for rdata in dict.fromkeys(record.rdata for record in records):
        message.write(bytes(_POINTER + _FIXED))
        rdata.to_wire(message, names)
    return message.tell() - before
