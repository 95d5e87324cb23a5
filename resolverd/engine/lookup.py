"""Finding what a zone says of a name: RFC 1034 §4.3.2, with wildcards and zone cuts.

`classify` says which; it neither follows aliases nor writes anything.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

from resolverd.dns.codes import DNAME
from resolverd.dns.names import WILDCARD, Key, closest_encloser
from resolverd.snapshot.model import Node, ZonePlan


class LookupKind(Enum):
    """What a name turned out to be."""

    NODE = auto()
    """It exists, or a wildcard stands in for it."""
    CUT = auto()
    """It lies at or below a zone cut."""
    DNAME = auto()
    """It lies below a DNAME owner (RFC 6672)."""
    NOTHING = auto()
    """It does not exist: NXDOMAIN."""


class LookupResult(NamedTuple):
    """The class, the node it rests on, and the length of that node's owner in octets."""

    kind: LookupKind
    node: Node
    owner_length: int


_NONE = Node()


def classify(zone: ZonePlan, key: Key) -> LookupResult:
    """What `zone` says of `key`, which lies at or below its apex."""
    node = zone.nodes.get(key)
    if node is not None:
        kind = LookupKind.CUT if node.referral else LookupKind.NODE
        return LookupResult(kind, node, len(key))
    encloser = closest_encloser(key, zone.nodes)
    node = zone.nodes[encloser]
    if node.referral:
        return LookupResult(LookupKind.CUT, node, len(encloser))
    if DNAME in node.rrsets:
        return LookupResult(LookupKind.DNAME, node, len(encloser))
    source = zone.nodes.get(WILDCARD + encloser)
    if source is not None and not source.referral:
        return LookupResult(LookupKind.NODE, source, len(encloser))
    return LookupResult(LookupKind.NOTHING, _NONE, len(encloser))
