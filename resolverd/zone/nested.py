"""Zones of ours that begin within others: what the outer one has there is never answered.

A query goes to the closest zone. Where the outer zone delegates such a name, `cuts` has the
finding; here is what has none, for nothing in the outer zone says that another begins.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple, cast

import dns.name
from dns.rdatatype import AAAA, DS, NS, NSEC, RRSIG, A, RdataType
from dns.rdtypes.ANY.NS import NS as NsRdata  # noqa: N811 - the type's name is its code's

from resolverd.dns.names import Key, ancestors, key_of, to_text
from resolverd.errors import Problem
from resolverd.zone.catalogue import problem
from resolverd.zone.files import UnreadableError, read_source
from resolverd.zone.model import Zone
from resolverd.zone.parsed import Record
from resolverd.zone.reader import read_master
from resolverd.zone.source import FilePosition
from resolverd.zone.tree import type_list

_ADDRESSES = frozenset({A, AAAA})
_AT_CUT = frozenset({DS, NSEC, RRSIG})
_TAILS = 16
_READ_AGAIN = 1_000
"""Names of a zone, up to which its file is read again for the lines of what is found."""


class _Hidden(NamedTuple):
    owner: Key
    types: Collection[RdataType]
    inner: Key


class Nested(NamedTuple):
    """A zone, the origins of others that begin next within it, and what is found of them."""

    zone: Zone
    begun: frozenset[Key]
    problems: tuple[Problem, ...]


def check_nested(
    zones: Mapping[dns.name.Name, Zone], before: Sequence[Nested] = ()
) -> tuple[Nested, ...]:
    """A warning for each zone within another that has names at or below its origin.

    What was found `before` stands for each zone that is the same object, with the same origins
    within it: an edit of one zone does not look at the others.
    """
    known = {id(each.zone): each for each in before}
    by_key = {key_of(origin): zone for origin, zone in zones.items()}
    inner: dict[Key, list[Key]] = {}
    for key in by_key:
        for above in islice(ancestors(key), 1, None):
            if above in by_key:
                inner.setdefault(above, []).append(key)
                break
    found = []
    for outer, begun in inner.items():
        zone = by_key[outer]
        last = known.get(id(zone))
        if last is None or last.begun != frozenset(begun):
            last = Nested(zone, frozenset(begun), tuple(_found(zone, begun)))
        found.append(last)
    return tuple(found)


def answers_for(zone: Zone, key: Key, origins: Collection[Key]) -> bool:
    """Whether a name of a zone is answered by it, where zones have these origins."""
    apex = key_of(zone.origin)
    for name in ancestors(key):
        if len(name) <= len(apex):
            return True
        if name in origins or NS in zone.rrsets.get(name, ()):
            return False
    return True


def below_cut(zone: Zone, key: Key) -> bool:
    """Whether a name of a zone is at or below a zone cut of its own."""
    return not answers_for(zone, key, ())


def _found(zone: Zone, begun: Sequence[Key]) -> Iterator[Problem]:
    undelegated = [key for key in begun if not below_cut(zone, key)]
    hidden = list(_hidden(zone, undelegated)) if undelegated else []
    if hidden:
        yield from _problems(zone, hidden)


def _hidden(zone: Zone, begun: Sequence[Key]) -> Iterator[_Hidden]:
    """The names of the zone at or below these origins, with the types that are hidden."""
    servers: frozenset[Key] | None = None
    starts = frozenset(begun)
    # A look at the ends of a few origins is much less than one at all ancestors of each name.
    tails = tuple(begun) if len(begun) <= _TAILS else (key_of(zone.origin),)
    for key, rrsets in zone.rrsets.items():
        if not key.endswith(tails):
            continue
        origin = next((name for name in ancestors(key) if name in starts), None)
        if origin is None:
            continue
        if servers is None:
            servers = _servers(zone)
        visible = (_AT_CUT if key == origin else frozenset()) | (
            _ADDRESSES if key in servers else frozenset()
        )
        if types := rrsets.keys() - visible:
            yield _Hidden(key, types, origin)


def _servers(zone: Zone) -> frozenset[Key]:
    """What the zone's NS point to: addresses there are glue."""
    return frozenset(
        key_of(cast(NsRdata, rdata).target)
        for rrsets in zone.rrsets.values()
        if NS in rrsets
        for rdata in rrsets[NS].rdatas
    )


def _problems(zone: Zone, hidden: Sequence[_Hidden]) -> Iterator[Problem]:
    """A finding for each inner zone, at the first name that it hides."""
    names = Counter(each.inner for each in hidden)
    firsts = {each.inner: each for each in reversed(hidden)}
    shown = [each for each in hidden if firsts[each.inner] is each]
    records = _records(zone, {each.owner for each in shown})
    for owner, types, inner in shown:
        more = names[inner] - 1
        others = f" and {more} more name{'s' * (more > 1)} are" if more else " is"
        first = next((r for r in records.get(owner, ()) if r.rdata.rdtype in types), None)
        nowhere = FilePosition(str(zone.files[0]), 0, 0, "")
        yield problem(
            "zone-occluded",
            nowhere if first is None else first.at_owner(),
            f"{to_text(owner)} {type_list(types)}{others} never answered: {to_text(inner)} is a "
            "zone of its own here",
            f"move {'them' if more else 'it'} to that zone's file, or take that file out of "
            "server.zones",
        )


def _records(zone: Zone, owners: Collection[Key]) -> Mapping[Key, Sequence[Record]]:
    """The records of these owners with their places, as far as the file has them still."""
    found: dict[Key, list[Record]] = {}
    if len(zone.rrsets) <= _READ_AGAIN:
        try:
            parsed = read_master(read_source(zone.files[0]))
        except UnreadableError:  # since it was loaded: it is served as it was, without lines
            return found
        for record in parsed.records:
            if record.key in owners:
                found.setdefault(record.key, []).append(record)
    return found
