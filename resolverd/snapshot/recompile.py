"""An edit of some names of a zone, compiled by what it changed: the other names are as they were.

What may reach further is left to `compile`, which looks at all names: the first DYNA of a zone or
its last, and the name for clients who can be given no region.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from typing import cast

import dns.rdatatype
import dns.rdtypes.ANY.NS

from resolverd.dns.codes import NS, SOA
from resolverd.dns.names import Key, ancestors, key_of, parent
from resolverd.dns.writer import RRsetWire
from resolverd.snapshot.alike_nodes import node_of
from resolverd.snapshot.model import NamesEdited, Node, Referral, ZonePlan
from resolverd.snapshot.owned import glue_of, negative_ttl_of, wire_name
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
    if zone.reading is None or then.reading is None or apex != plan.apex:
        return None
    changed, gone = zone.changed_since(then)
    if len(gone) > _GONE or PART * len(changed) > len(zone.rrsets):
        return None
    if any(_steers_otherwise(key, zone, then, origin) for key in (*changed, *gone)):
        return None
    nodes = dict(plan.nodes)
    touched: dict[Key, None] = {}
    for key in changed:
        nodes[key] = node_of(zone.rrsets[key])
        touched[key] = None
        while key != origin and (key := parent(key)) not in nodes:
            nodes[key] = _EMPTY
            touched[key] = None
    for key in gone:
        touched |= dict.fromkeys(_take_away(key, nodes, zone, origin))
    cuts = _Cuts(zone, nodes, then.reading.cuts, zone.reading.cuts)
    touched |= dict.fromkeys(cuts.refer(plan.nodes, touched))
    soa = nodes[origin].rrsets[SOA]
    negative_ttl = negative_ttl_of(soa)
    if plan.no_region is not None and negative_ttl != plan.negative_ttl:
        return None
    there = tuple(key for key in touched if key in nodes)
    edited = NamesEdited(plan.stamp, there, tuple(k for k in touched if k not in nodes))
    # No name has come by a DYNA or lost one, nor has any of those moved.
    return ZonePlan(apex, soa, negative_ttl, nodes, plan.no_region, edited, plan.steered)


def _steers_otherwise(key: Key, zone: Zone, then: Zone, origin: Key) -> bool:
    now, was = zone.rrsets.get(key, _NOTHING), then.rrsets.get(key, _NOTHING)
    return (DYNA in now) != (DYNA in was) or key == NO_REGION + origin


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


class _Cuts:
    """The zone cuts of a zone, as they were `then` and are `now`."""

    def __init__(self, zone: Zone, nodes: dict[Key, Node], then: Set[Key], now: Set[Key]) -> None:
        self._zone, self._nodes, self._now = zone, nodes, now
        self._came_or_went = then ^ now

    def refer(self, before: Mapping[Key, Node], touched: Iterable[Key]) -> list[Key]:
        """Give nodes the referrals that an edit of these names changes; which nodes those are."""
        if not self._now and not self._came_or_went:
            return []
        edited = set(touched)
        anew = self._anew(edited)
        tails = tuple(anew | self._came_or_went)
        below = [key for key in self._nodes if key.endswith(tails)] if tails else []
        made: dict[Key, Referral] = {}
        given = [key for key in {*below, *edited} if key in self._nodes]
        for key in given:
            cut = self._above(key)
            referral = None
            if cut is not None:
                known = before[cut].referral if cut in before and cut not in anew else None
                if known is None or known.owner.lower() != cut:
                    known = made.get(cut) or made.setdefault(cut, self._referral(cut))
                referral = known
            node = self._nodes[key]
            self._nodes[key] = Node(node.rrsets, node.dyna, referral)
        return given

    def _anew(self, edited: Set[Key]) -> set[Key]:
        """The cuts whose referral an edit of these names changes: their NS, or glue of theirs."""
        found = {key for key in edited | self._came_or_went if key in self._now}
        tails = tuple(self._came_or_went)
        if not tails and not any(self._above(key) is not None for key in edited):
            return found
        for cut in self._now:
            for target in self._targets(cut):
                if target in edited or (tails and target.endswith(tails)):
                    found.add(cut)
        return found

    def _targets(self, cut: Key) -> Iterator[Key]:
        for rdata in self._zone.rrsets[cut][dns.rdatatype.NS].rdatas:
            yield key_of(cast(dns.rdtypes.ANY.NS.NS, rdata).target)

    def _above(self, key: Key) -> Key | None:
        """The highest cut at or above a name: what lies below another cut is the child's."""
        found = None
        for name in ancestors(key):
            if name in self._now:
                found = name
        return found

    def _referral(self, cut: Key) -> Referral:
        ns = self._nodes[cut].rrsets[NS]
        owner = wire_name(self._zone.rrsets[cut][dns.rdatatype.NS].owner)
        return Referral(owner, ns, tuple(glue_of(ns, self._now, self._held)))

    def _held(self, owner: Key) -> Mapping[int, RRsetWire]:
        return self._nodes.get(owner, _EMPTY).rrsets
