"""Chains of aliases that lead to more than fits into a message behind them.

An answer holds the CNAME and DNAME records that it follows within the zone, and then what the last
name has. Only chains that end in something large matter, of which most zones have nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

import dns.name
import dns.rdtypes.ANY.CNAME
from dns.rdatatype import CNAME, DNAME

from resolverd.dns.limits import MAX_CHAIN, MAX_NAME
from resolverd.dns.names import WILDCARD, Key, ancestors, key_of
from resolverd.dns.sizes import MAX_ANSWER, MAX_CHAIN_OCTETS
from resolverd.errors import Problem
from resolverd.zone.catalogue import problem
from resolverd.zone.final_records import FinalRecords
from resolverd.zone.octets import FIXED, POINTER
from resolverd.zone.parsed import Record
from resolverd.zone.tree import Tree


def check_chains(tree: Tree, large: Mapping[Key, Sequence[FinalRecords]]) -> Iterator[Problem]:
    """Every alias that leads to one of `large`, which fit alone, and does not fit before it."""
    if not large:
        return
    leading = set(large)
    for key, node in tree.nodes.items():
        for alias in node.records.get(CNAME, ()):
            qname_surplus = MAX_NAME if key.startswith(WILDCARD) else 0
            octets, end_key = _follow(tree, alias, qname_surplus)
            for end in large.get(end_key, ()) if end_key is not None else ():
                leading.add(key)
                if octets + end.size(octets) > MAX_ANSWER:
                    yield _too_long(alias, end, octets + end.size(octets))
    yield from _through_dnames(tree, large, leading)


def _follow(tree: Tree, alias: Record, qname_surplus: int) -> tuple[int, Key | None]:
    """What the chain that begins with a CNAME takes, and where it ends; None for outside."""
    name = _target(alias)
    octets = qname_surplus + _cname_size(name)
    for _ in range(MAX_CHAIN - 1):
        key = key_of(name)
        if not tree.contains(key):
            return octets, None
        if (cut := tree.cut(key)) is not None:
            return octets, cut
        if (above := tree.dname(key)) is not None:
            owner = tree.nodes[above]
            target = _target(owner.records[DNAME][0])
            try:
                name = name.relativize(owner.owner).concatenate(target)
            except dns.name.NameTooLong:
                return octets, None
            octets += _cname_size(target) + _cname_size(name)
            continue
        node = tree.answering_node(key)
        if node is None or CNAME not in node.records:
            return octets, None if node is None else key_of(node.owner)
        name = _target(node.records[CNAME][0])
        octets += _cname_size(name)
    return octets, None


def _through_dnames(
    tree: Tree, large: Mapping[Key, Sequence[FinalRecords]], leading: set[Key]
) -> Iterator[Problem]:
    """DNAMEs below whose target lies what is too large for the longest chain.

    Any name may be asked for below a DNAME, so the longest chain is taken.
    """
    preceding = [end for held in large.values() for end in held]
    worst = max(preceding, key=FinalRecords.size)
    if MAX_CHAIN_OCTETS + worst.size(MAX_CHAIN_OCTETS) <= MAX_ANSWER:
        return
    open_ones = {key: node for key, node in tree.nodes.items() if DNAME in node.records}
    while reached := [
        key
        for key, node in open_ones.items()
        if _any_below(key_of(_target(node.records[DNAME][0])), leading)
    ]:
        for key in reached:
            record = open_ones.pop(key).records[DNAME][0]
            leading.add(key)
            yield _too_long(record, worst, MAX_CHAIN_OCTETS + worst.size(MAX_CHAIN_OCTETS))


def _any_below(above: Key, keys: set[Key]) -> bool:
    return any(above in ancestors(key) for key in keys)


def _target(alias: Record) -> dns.name.Name:
    return cast(dns.rdtypes.ANY.CNAME.CNAME, alias.rdata).target


def _cname_size(target: dns.name.Name) -> int:
    return POINTER + FIXED + len(target.to_wire() or b"")


def _too_long(alias: Record, end: FinalRecords, size: int) -> Problem:
    return problem(
        "zone-too-large",
        alias.at_type(),
        f"{alias.owner} leads to {end.owner} {end.kind}, with which the aliases may take {size:,} "
        f"octets; an answer has room for {MAX_ANSWER:,}",
        f"keep fewer records at {end.owner}, or name something else",
    )
