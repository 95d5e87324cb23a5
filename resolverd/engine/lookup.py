"""Finding what a zone says of a name: RFC 1034 §4.3.2, with wildcards and zone cuts.

`find` classifies; it neither follows aliases nor writes anything.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

from resolverd.dns.codes import DNAME
from resolverd.dns.names import ROOT, WILDCARD, Key, parent
from resolverd.snapshot.model import Node, Plan, ZonePlan


class Found(Enum):
    """What a name turned out to be."""

    NODE = auto()
    """It exists, or a wildcard stands in for it."""
    CUT = auto()
    """It lies at or below a zone cut."""
    DNAME = auto()
    """It lies below a DNAME owner (RFC 6672)."""
    NOTHING = auto()
    """It does not exist: NXDOMAIN."""


class Finding(NamedTuple):
    """The class, the node it rests on, and the length of that node's owner in octets."""

    what: Found
    node: Node
    owner_length: int


_NONE = Node()


def closest_zone(plan: Plan, key: Key) -> ZonePlan | None:
    """The zone with the longest apex at or above `key`, or None."""
    zones = plan.zones
    while True:
        zone = zones.get(key)
        if zone is not None:
            return zone
        if key == ROOT:
            return None
        key = parent(key)


def find(zone: ZonePlan, key: Key) -> Finding:
    """What `zone` says of `key`, which lies at or below its apex."""
    node = zone.nodes.get(key)
    if node is not None:
        what = Found.CUT if node.referral else Found.NODE
        return Finding(what, node, len(key))
    encloser = key
    while node is None:
        encloser = parent(encloser)
        node = zone.nodes.get(encloser)
    if node.referral:
        return Finding(Found.CUT, node, len(encloser))
    if DNAME in node.rrsets:
        return Finding(Found.DNAME, node, len(encloser))
    source = zone.nodes.get(WILDCARD + encloser)
    if source is not None and not source.referral:
        return Finding(Found.NODE, source, len(encloser))
    return Finding(Found.NOTHING, _NONE, len(encloser))
