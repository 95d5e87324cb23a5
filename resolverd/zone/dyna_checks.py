"""DYNA records: one per owner, of a known service, beside nothing that it would contradict.

An address service answers A and AAAA, so neither may stand beside its DYNA; a service whose
answer is "cname" answers a CNAME, so RFC 2181 §10.1 holds for its owner.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import cast

from dns.rdatatype import AAAA, CNAME, DNAME, NS, A, RdataType

from resolverd.dns.limits import MAX_NAME
from resolverd.errors import Problem
from resolverd.zone.catalogue import problem
from resolverd.zone.dyna import DYNA, NO_REGION, Dyna
from resolverd.zone.model import Services
from resolverd.zone.parsed import Record
from resolverd.zone.tree import Node, Tree, type_list


def check_dyna(
    tree: Tree, services: Services, ttl_floor: int, beside_cname: frozenset[RdataType]
) -> Iterator[Problem]:
    """Every finding about the zone's DYNA records; `ttl_floor` in seconds."""
    if DYNA not in tree.types:
        return
    steered = next((node for node in tree.examined.values() if DYNA in node.records), None)
    if steered is not None:
        yield from _check_no_region(tree, steered.records[DYNA][0])
    for node in tree.examined.values():
        if DYNA in node.records:
            yield from _check_node(node, tree, services, beside_cname)
            for record in node.records[DYNA]:
                yield from _check_service(record, services)
                yield from _check_ttl(record, ttl_floor)


def _check_node(
    node: Node, tree: Tree, services: Services, beside_cname: frozenset[RdataType]
) -> Iterator[Problem]:
    records = node.records[DYNA]
    first = records[0]
    for record in records[1:]:
        if record.rdata != first.rdata:
            yield problem(
                "zone-dyna-many",
                record.at_type(),
                f"{node.owner} has a DYNA in {first.at_type()} already",
                "keep one; a service may list the regions of both",
            )
    if len(node.records) == 1 and node is not tree.apex:
        return
    conflicts = node.records.keys() & {A, AAAA, CNAME}
    if conflicts:
        yield problem(
            "zone-dyna-conflict",
            first.at_type(),
            f"{node.owner} has a DYNA and {type_list(conflicts)}",
            "keep the DYNA or the others",
        )
    if not any(services.get(_service(record)) == "cname" for record in records):
        return
    others = node.records.keys() - beside_cname - {DYNA, A, AAAA, CNAME}
    if node is tree.apex:
        yield problem(
            "zone-dyna-cname-apex",
            first.at_rdata(0),
            f'"{_service(first)}" answers with a CNAME, which the apex cannot have',
            'set answer = "address" for it, or use a name below the apex',
        )
    elif others:
        yield problem(
            "zone-dyna-cname-and-other",
            first.at_type(),
            f'"{_service(first)}" answers with a CNAME, and {node.owner} has {type_list(others)}',
            'set answer = "address" for it, or move the other records',
        )


def _check_no_region(tree: Tree, dyna: Record) -> Iterator[Problem]:
    """The name of those clients who can be given no region: it is made, and has no address."""
    key = NO_REGION + tree.origin
    if len(key) > MAX_NAME:
        yield problem(
            "zone-no-region",
            dyna.at_owner(),
            f"{tree.zone} is too long for a name _no-region under it, which DYNA needs",
            "serve the DYNA in a zone whose name is shorter",
        )
        return
    node = tree.nodes.get(key)
    taken = {A, AAAA, CNAME, DNAME, NS, DYNA} & node.records.keys() if node is not None else set()
    if node is not None and taken:
        yield problem(
            "zone-no-region",
            node.records[min(taken)][0].at_type(),
            f"{node.owner} has {type_list(taken)}; it is what clients are given who can be given "
            "no region, and has to be without an address",
            "use another name; a TXT there may say why",
        )
    elif tree.apex is not None and DNAME in tree.apex.records:
        yield problem(
            "zone-no-region",
            tree.apex.records[DNAME][0].at_type(),
            f"the DNAME at the apex leads _no-region.{tree.zone} away, which DYNA needs",
            "move the DYNA or the DNAME to another zone",
        )


def _check_service(record: Record, services: Services) -> Iterator[Problem]:
    service = _service(record)
    if service not in services:
        folded = {name.lower(): name for name in services}
        near = difflib.get_close_matches(service.lower(), folded, 1)
        known = f"write one of: {', '.join(sorted(services))}" if services else ""
        yield problem(
            "zone-dyna-unknown-service",
            record.at_rdata(0),
            f'there is no service "{service}"',
            f'did you mean "{folded[near[0]]}"?' if near else known or "configure [service] first",
        )


def _check_ttl(record: Record, ttl_floor: int) -> Iterator[Problem]:
    if record.ttl == 0 or record.ttl < ttl_floor:
        why = "no resolver caches it" if record.ttl == 0 else f"the lowest given is {ttl_floor}"
        yield problem(
            "zone-dyna-ttl",
            record.at_ttl(),
            f"a TTL of {record.ttl} s is the ceiling of its answers' TTL, and {why}",
            f"write {max(60, ttl_floor)}; it falls by itself when a region is in trouble",
        )


def _service(record: Record) -> str:
    return cast(Dyna, record.rdata).service
