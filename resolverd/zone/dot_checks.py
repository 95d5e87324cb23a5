"""Names that seem to lack their final dot, so that the zone's name is added to a whole name.

The targets of CNAME, DNAME and PTR may lie anywhere: that one does not exist within the zone is the
only sign. An owner shows it by the zone's name twice at its end. All findings are warnings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import dns.name
from dns.rdatatype import CNAME, DNAME, PTR, to_text

from resolverd.dns.names import Key, key_of
from resolverd.errors import Problem
from resolverd.zone.catalogue import problem
from resolverd.zone.tree import Node, Tree

_TOP_LEVEL = re.compile(rb"[A-Za-z]{2,63}|xn--[a-z0-9-]{2,59}")


def check_dots(tree: Tree) -> Iterator[Problem]:
    """Every finding about a final dot that an owner or a target lacks."""
    pointing = [rdtype for rdtype in (CNAME, DNAME, PTR) if rdtype in tree.types]
    deep = 2 * len(tree.zone.labels) - 1  # labels of an owner that may have the zone's name twice
    for key, node in tree.examined.items():
        is_deep = len(node.owner.labels) >= deep
        if not (is_deep or pointing) or tree.cut(key) is not None:
            continue
        if is_deep:
            yield from _check_owner(node, tree)
        for rdtype in pointing:
            for record in node.records.get(rdtype, ()):
                rdata: Any = record.rdata
                if (dotted := lacks_dot(rdata.target, tree)) is not None:
                    yield problem(
                        "zone-missing-dot",
                        record.at_rdata(0),
                        f"{to_text(rdtype)} points to {rdata.target}, which does not exist",
                        f"write {dotted} with its final dot, if that is meant",
                    )


def lacks_dot(name: dns.name.Name, tree: Tree) -> str | None:
    """What `name`, a target, would be with a final dot, where that seems to be what was meant."""
    if len(name.labels) - len(tree.zone.labels) < 2:
        return None  # one label, as most targets of a zone are
    key = key_of(name)
    if not tree.contains(key) or tree.exists(key) or tree.was_lost(key):
        return None
    relative = name.relativize(tree.zone)
    if not _TOP_LEVEL.fullmatch(relative.labels[-1]):
        return None
    above: Key = key_of(dns.name.Name(relative.labels[-1:] + tree.zone.labels))
    if tree.exists(above) or tree.cut(key) is not None or tree.dname(key) is not None:
        return None
    return f"{relative}."


def _check_owner(node: Node, tree: Tree) -> Iterator[Problem]:
    owner, origin = node.owner, tree.zone
    relative = dns.name.Name((*owner.relativize(origin).labels, b""))
    if len(origin.labels) > 2 and relative.is_subdomain(origin):
        yield problem(
            "zone-missing-dot",
            node.first().at_owner(),
            f"{owner} has the zone's name twice",
            f"write {relative} with its final dot, if that is meant",
        )
