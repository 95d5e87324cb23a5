"""Nodes of one record that many zones have alike, such as the address of `www`: made once for all.

Which owner a node has, its zone says; a node of one record without names under the origin is the
same in each. Zones that were read together share such a record's RDATA (`zone/known_lines.py`), by
whose identity it is found here: what is told apart by mistake costs memory and nothing else.
"""

from __future__ import annotations

from dns.rdata import Rdata

from resolverd.snapshot.model import Node
from resolverd.snapshot.owned import dyna_of, wire_rrsets
from resolverd.zone.dyna import DYNA
from resolverd.zone.model import RRsets

SMALL = 256
"""Names of a zone from which on it is not looked for others like its own."""

_MOST = 4096
"""Nodes that are remembered at a time."""


class AlikeNodes:
    """Those of one compilation."""

    def __init__(self) -> None:
        # With the RDATA, which lives as long as its number is a key.
        self._made: dict[tuple[int, int], tuple[Rdata, Node]] = {}

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


def node_of(rrsets: RRsets) -> Node:
    """As `AlikeNodes.of`, its own alone."""
    return Node(wire_rrsets(rrsets), dyna_of(rrsets[DYNA]) if DYNA in rrsets else None)
