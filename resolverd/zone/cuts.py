"""Zone cuts and the names that records point to: glue, addresses, aliases, hidden data.

A name at or below a zone cut belongs to the child zone. Of what is written there only the
NS and DS of the cut and the addresses of name servers (glue) are ever answered.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import dns.name
from dns.rdatatype import AAAA, CNAME, DS, NS, NSEC, RRSIG, A, RdataType, to_text

from resolverd.dns.names import ROOT, Key, key_of
from resolverd.errors import Problem
from resolverd.zone.catalogue import problem
from resolverd.zone.dot_checks import lacks_dot
from resolverd.zone.dyna import DYNA
from resolverd.zone.model import Services
from resolverd.zone.parsed import Record
from resolverd.zone.targets import TARGETS
from resolverd.zone.tree import Node, Tree, type_list

_ADDRESSES = frozenset({A, AAAA})
_AT_CUT = frozenset({NS, DS, NSEC, RRSIG})
_ADDRESSED = {rdtype: target for rdtype, target in TARGETS.items() if target.addressed}


class _Target(NamedTuple):
    key: Key
    record: Record


def check_cuts(tree: Tree, services: Services) -> Iterator[Problem]:
    """Every finding about delegations, DNAMEs and what NS, MX, SRV and their like point to."""
    targets = list(_targets(tree))
    servers = {target.key for target in targets if target.record.rdata.rdtype == NS}
    for key, node in tree.examined.items() if tree.cuts or tree.dnames else ():
        if (cut := tree.cut(key)) is not None:
            yield from _check_occluded(key, node, cut, tree, servers)
        if (dname := tree.dname(key)) is not None:
            yield problem(
                "zone-below-dname",
                node.first().at_owner(),
                f"{node.owner} is below the DNAME of {tree.nodes[dname].owner}",
                "remove it, or the DNAME",
            )
    for target in targets:
        yield from _check_target(target, tree, services)


def _targets(tree: Tree) -> Iterator[_Target]:
    """What the zone's own NS, MX, SRV and their like point to, as far as it lies in the zone."""
    for key, node in tree.examined.items():
        for rdtype, records in node.records.items():
            if rdtype not in _ADDRESSED:
                continue
            cut = tree.cut(key)
            if cut is not None and not (cut == key and rdtype == NS):
                continue
            for record in records:
                target = key_of(getattr(record.rdata, _ADDRESSED[rdtype].attribute))
                # The root as a target says that there is none (RFC 7505, RFC 2782).
                if tree.contains(target) and target != ROOT:
                    yield _Target(target, record)


def _check_occluded(
    key: Key, node: Node, cut: Key, tree: Tree, servers: set[Key]
) -> Iterator[Problem]:
    visible = set(_AT_CUT) if key == cut else set()
    if key in servers:
        visible |= _ADDRESSES
    hidden = node.records.keys() - visible
    if hidden:
        first = next(record for record in node if record.rdata.rdtype in hidden)
        yield problem(
            "zone-occluded",
            first.at_owner(),
            f"{node.owner} {type_list(hidden)} is never answered: "
            f"{tree.nodes[cut].owner} is delegated",
            "move it to the child zone, or remove the NS",
        )


def _check_target(target: _Target, tree: Tree, services: Services) -> Iterator[Problem]:
    key, record = target
    rdtype = record.rdata.rdtype
    if (cut := tree.cut(key)) is not None:
        # Addresses in another child zone are that zone's affair (RFC 9471 §3).
        if cut != record.key:
            return
        node = tree.nodes.get(key)
        kind = "address" if node is not None and _ADDRESSES & node.records.keys() else ""
    else:
        kind = _target_kind(key, tree, services)
    name = getattr(record.rdata, _ADDRESSED[rdtype].attribute)
    field = _ADDRESSED[rdtype].field
    at_apex = rdtype == NS and record.key == tree.origin
    if kind == "alias":
        yield problem(
            "zone-apex-ns" if at_apex else "zone-alias-target",
            record.at_rdata(field),
            f"{to_text(rdtype)} points to {name}, which is an alias (RFC 2181 §10.3)",
            "point it to a name that has A or AAAA",
        )
    elif not kind and not tree.was_lost(key, A, AAAA, CNAME, DYNA):
        yield problem(
            _missing(rdtype, at_apex),
            record.at_rdata(field),
            f"{to_text(rdtype)} points to {name}, which has no address",
            _with_address(name, tree),
        )


def _with_address(name: dns.name.Name, tree: Tree) -> str:
    record = f"{name} A 192.0.2.1 with its address"
    dotted = lacks_dot(name, tree)
    return (
        f"write {record}" if dotted is None else f"write {dotted} with its final dot, or {record}"
    )


def _missing(rdtype: RdataType, at_apex: bool) -> str:
    if at_apex:
        return "zone-apex-ns"
    return "zone-missing-glue" if rdtype == NS else "zone-missing-address"


def _target_kind(key: Key, tree: Tree, services: Services) -> Literal["address", "alias", ""]:
    """Whether an authoritative name has addresses, is an alias, or is neither."""
    if tree.dname(key) is not None:
        return "alias"
    node = tree.answering_node(key)
    if node is None:
        return ""
    if CNAME in node.records:
        return "alias"
    if DYNA in node.records:
        data: Any = node.records[DYNA][0].rdata
        return "alias" if services.get(data.service) == "cname" else "address"
    return "address" if _ADDRESSES & node.records.keys() else ""
