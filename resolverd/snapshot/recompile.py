"""An edit of a zone's names alone, compiled by what it changed: the other names are as they were.

What may reach further is left to `compile`, which looks at all names: zone cuts and what lies below
them, the first DYNA of a zone or its last, the name for clients who can be given no region.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from resolverd.dns.codes import NS, SOA
from resolverd.dns.names import Key, ancestors, key_of, parent
from resolverd.snapshot.model import NamesEdited, Node, ZonePlan
from resolverd.snapshot.owned import dyna_of, negative_ttl_of, wire_name, wire_rrsets
from resolverd.zone.dyna import DYNA, NO_REGION
from resolverd.zone.model import RRsets, Zone

PART = 4
"""An edit of more than one in so many names is compiled as a whole zone is."""
_GONE = 8  # names that an edit takes away, for each of which all others are looked at
_EMPTY = Node()
_NOTHING: RRsets = {}


def recompiled(zone: Zone, then: Zone, plan: ZonePlan) -> ZonePlan | None:
    """`zone` where `plan` is that of the zone `then`; None where an edit may reach further."""
    apex, origin = wire_name(zone.origin), key_of(zone.origin)
    changed, gone = zone.changed_since(then)
    if apex != plan.apex or len(gone) > _GONE or PART * len(changed) > len(zone.rrsets):
        return None
    if any(_reaches_further(key, zone, then, plan, origin) for key in (*changed, *gone)):
        return None
    nodes = dict(plan.nodes)
    touched: dict[Key, None] = {}
    for key in changed:
        nodes[key] = _node(zone.rrsets[key])
        touched[key] = None
        while key != origin and (key := parent(key)) not in nodes:
            nodes[key] = _EMPTY
            touched[key] = None
    for key in gone:
        touched |= dict.fromkeys(_take_away(key, nodes, zone, origin))
    soa = nodes[origin].rrsets[SOA]
    negative_ttl = negative_ttl_of(soa)
    if plan.no_region is not None and negative_ttl != plan.negative_ttl:
        return None
    there = tuple(key for key in touched if key in nodes)
    edited = NamesEdited(plan.stamp, there, tuple(k for k in touched if k not in nodes))
    return ZonePlan(apex, soa, negative_ttl, nodes, plan.no_region, edited)


def _reaches_further(key: Key, zone: Zone, then: Zone, plan: ZonePlan, origin: Key) -> bool:
    now, was = zone.rrsets.get(key, _NOTHING), then.rrsets.get(key, _NOTHING)
    if key != origin and (NS in now or NS in was):
        return True
    if (DYNA in now) != (DYNA in was) or key == NO_REGION + origin:
        return True
    closest = next((plan.nodes[name] for name in ancestors(key) if name in plan.nodes), None)
    return closest is None or closest.referral is not None


def _node(rrsets: RRsets) -> Node:
    return Node(wire_rrsets(rrsets), dyna_of(rrsets[DYNA]) if DYNA in rrsets else None)


def _take_away(key: Key, nodes: dict[Key, Node], zone: Zone, origin: Key) -> Iterator[Key]:
    """Take a name without RRsets out, and those above that only it made exist; all of them."""
    while key != origin and key not in zone.rrsets and key in nodes:
        yield key
        if _any_below(key, nodes):
            nodes[key] = _EMPTY
            return
        del nodes[key]
        key = parent(key)


def _any_below(key: Key, names: Iterable[Key]) -> bool:
    return any(name.endswith(key) and name != key and key in ancestors(name) for name in names)
