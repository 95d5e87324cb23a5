"""Nodes that many zones have alike, such as the address of `www`: made once for all.

Which owner a node has, its zone says; a node of one record without names under the origin is the
same in each. Zones that were read together share such a record's RDATA (`zone/known_lines.py`), by
whose identity it is found here: what is told apart by mistake costs memory and nothing else.

Zones of one pattern (`zone/alike_zones.py`) have the same names but for the origin: what two of
them share, and where, is told once, and the others are put together by that.
"""

from __future__ import annotations

from typing import NamedTuple

from dns.rdata import Rdata

from resolverd.dns.codes import SOA
from resolverd.dns.names import Key
from resolverd.snapshot.model import Node, ZonePlan
from resolverd.snapshot.owned import dyna_of, no_region_of, wire_name, wire_rrsets
from resolverd.zone.dyna import DYNA
from resolverd.zone.model import RRsets, Zone

SMALL = 256
"""Names of a zone from which on it is not looked for others like its own."""

_MOST = 4096
"""Nodes that are remembered at a time."""

_MOST_PATTERNS = 1024


class _Shape(NamedTuple):
    """What zones of a pattern have alike: each name before the apex, and its node where it is one.

    `first` is the Plan of one of them.
    """

    pattern: object
    first: ZonePlan
    nodes: list[tuple[Key, Node | None]] | None


class AlikeNodes:
    """Those of one compilation."""

    def __init__(self) -> None:
        # With the RDATA, which lives as long as its number is a key; so it is with patterns.
        self._made: dict[tuple[int, int], tuple[Rdata, Node]] = {}
        self._shapes: dict[int, _Shape] = {}

    def of(self, rrsets: RRsets) -> Node:
        """The node of an owner with these RRsets, outside of any zone cut."""
        if len(rrsets) > 1:
            return node_of(rrsets)
        [rrset] = rrsets.values()
        if len(rrset.rdatas) > 1:
            return node_of(rrsets)
        rdata = rrset.rdatas[0]
        key = id(rdata), rrset.ttl
        made = self._made.get(key)
        if made is None:
            if len(self._made) >= _MOST:
                self._made.clear()
            made = self._made[key] = rdata, node_of(rrsets)
        return made[1]

    def zone(self, zone: Zone) -> ZonePlan | None:
        """The Plan of a zone of whose pattern two were compiled; None of any other."""
        shape = self._shapes.get(id(zone.pattern))
        if shape is None or shape.nodes is None:
            return None
        apex = wire_name(zone.origin)
        below, rrsets = apex.lower(), zone.rrsets
        nodes = {
            front + below: node_of(rrsets[front + below]) if node is None else node
            for front, node in shape.nodes
        }
        had_region = shape.first.no_region
        no_region = None if had_region is None else no_region_of(apex)
        soa = nodes[below].rrsets[SOA]
        return ZonePlan(apex, soa, shape.first.negative_ttl, nodes, no_region)

    def remember(self, zone: Zone, plan: ZonePlan) -> None:
        """The Plan of a zone that was compiled by itself.

        What it has besides its own RRsets, empty non-terminals and the reason that no region
        serves, depends on the negative TTL alone, which zones of a pattern have alike.
        """
        if zone.pattern is None:
            return
        known = self._shapes.get(id(zone.pattern))
        if known is None:
            if len(self._shapes) >= _MOST_PATTERNS:
                self._shapes.clear()
            self._shapes[id(zone.pattern)] = _Shape(zone.pattern, plan, None)
            return
        size = len(plan.apex)
        nodes = [
            (key[:-size], node if node is earlier or key not in zone.rrsets else None)
            for (key, node), earlier in zip(
                plan.nodes.items(), known.first.nodes.values(), strict=True
            )
        ]
        self._shapes[id(zone.pattern)] = known._replace(nodes=nodes)


def node_of(rrsets: RRsets) -> Node:
    """As `AlikeNodes.of`, its own alone."""
    return Node(wire_rrsets(rrsets), dyna_of(rrsets[DYNA]) if DYNA in rrsets else None)
