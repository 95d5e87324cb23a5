"""A zone that was checked before: which of its names an edit can have changed a finding of.

The names are those whose records were read anew (`touched`), those that had a finding before, and
those that say something of such a name or of one that came, went or does not exist: by NS, MX,
CNAME and their like, glue included. Under a zone cut or DNAME that came or went it is all names.
All is told from pieces by set operations; records are made of the names alone that are checked or
asked about, in the file's order, so that findings are those of a check of the whole zone.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import cast

from dns.rdata import Rdata
from dns.rdatatype import AAAA, CNAME, DNAME, NS, A, RdataType
from dns.rdtypes.ANY.NS import NS as NsRdata  # noqa: N811 - the type's name is its code's

from resolverd.dns.names import WILDCARD, Key, ancestors, key_of
from resolverd.errors import Problem
from resolverd.zone.dyna import DYNA, NO_REGION
from resolverd.zone.model import Zone
from resolverd.zone.owners import (
    Entry,
    Existing,
    between,
    entries_of,
    kept_pieces,
    owners_of,
    same_owners,
)
from resolverd.zone.parsed import ParsedZone, Record, records_of
from resolverd.zone.pieces import Lead, PieceUse, Reading, Run, lead_of
from resolverd.zone.source import SourceFile
from resolverd.zone.tree import Node, Tree

PART = 4
"""An edit that touches more than one in so many names is checked as a whole zone is."""
_AS_TARGET = frozenset({A, AAAA, CNAME, DYNA})  # by which a target has addresses or is an alias
_CUT_SETS = 8  # zone cuts and DNAMEs that may come or go, each a look at all names


@dataclass(slots=True)
class Part:
    """What is to be checked again: a tree of these names, all names in order, and those touched.

    With `same_names` all names are those of the zone before, in the same order. `entries` are what
    a `Reading` keeps of the zone's.
    """

    entries: tuple[Entry, ...]
    tree: Tree
    names: Mapping[Key, object]
    touched: Set[Key]
    same_names: bool


def part_of(parsed: ParsedZone, before: Zone) -> Part | None:
    """What of a zone is to be checked again after `before`; None for all of it."""
    reading, origin = before.reading, parsed.origin
    if reading is None or reading.large or parsed.lost or origin is None or origin != before.origin:
        return None
    if origin.labels != before.origin.labels:
        return None
    entries = tuple(entries_of(parsed.entries))
    same_names = entries == reading.entries
    if same_names:
        touched = {entry for entry in entries if not isinstance(entry, tuple)}
    else:
        kept = kept_pieces(reading.entries, entries)
        if kept is None:
            return None
        touched = _touched(chain(reading.entries, entries), kept)
        same_names = same_owners(reading.entries, entries, kept)
    if PART * len(touched) > len(before.rrsets):
        return None
    return _Again(parsed, before, entries, touched, same_names=same_names).part()


def _touched(entries: Iterable[Entry], kept: Set[PieceUse]) -> set[Key]:
    """The owners of records that are not in pieces as before."""
    touched: set[Key] = set()
    for entry in entries:
        if not isinstance(entry, tuple):
            touched.add(entry)
        elif entry not in kept:
            touched.update(entry[0].keys)
    return touched


class _Again:
    """One zone that was checked `before`."""

    def __init__(
        self,
        parsed: ParsedZone,
        before: Zone,
        entries: tuple[Entry, ...],
        touched: set[Key],
        *,
        same_names: bool,
    ) -> None:
        reading = before.reading
        assert parsed.origin is not None
        assert reading is not None
        self._parsed, self._before, self._reading = parsed, before, reading
        self._entries, self._touched = entries, touched
        self._origin = key_of(parsed.origin)
        self._leads = list(_leads(parsed.entries))
        self._same_names = same_names
        self._names: Mapping[Key, object] = before.rrsets
        self._outside: Set[Key] = reading.outside
        if not self._same_names:
            self._names, self._outside = self._gathered(Tree(parsed.origin, self._origin))

    def _gathered(self, tree: Tree) -> tuple[Mapping[Key, None], Set[Key]]:
        """All names of the zone, in order, and the owners outside of it."""
        names = owners_of(self._parsed.entries)
        candidates = self._touched | (self._reading.outside & names.keys())
        outside = {key for key in candidates if key in names and not tree.contains(key)}
        for key in outside:
            del names[key]
        return names, outside

    def part(self) -> Part | None:
        """What is to be checked again, unless that is nearly everything."""
        origin = self._parsed.origin
        assert origin is not None
        tree = Tree(origin, self._origin)
        tree.cuts = frozenset(
            k for k, t, _ in self._leads if t == NS and k != self._origin and k in self._names
        )
        tree.dnames = frozenset(k for k, t, _ in self._leads if t == DNAME and k in self._names)
        tree.existing = Existing(self._names, self._between())
        changed = (tree.cuts ^ self._reading.cuts) | (tree.dnames ^ self._reading.dnames)
        if len(changed) > _CUT_SETS:
            return None
        again = self._to_check(changed)
        if PART * len(again) > len(self._names):
            return None
        nodes = _Nodes(self._parsed.entries, self._names)
        nodes.gather(again | self._asked_about(again, tree))
        tree.nodes = nodes
        tree.examined = {key: node for key, node in nodes.items() if key in again}
        if self._outside:
            tree.outside = list(_records(self._parsed.entries, self._outside))
        return Part(self._entries, tree, self._names, self._touched, self._same_names)

    def _between(self) -> frozenset[Key]:
        """The names that exist without records."""
        before, names = self._before.rrsets, self._names
        known = self._reading.between
        if self._same_names:
            return between(before, self._origin) if known is None else known
        if known is None or any(key in before and key not in names for key in self._touched):
            return between(names, self._origin)
        came = [key for key in self._touched if key in names and key not in before]
        above = set[Key]().union(*map(ancestors, came))
        inside = {key for key in above if len(key) >= len(self._origin)}
        return frozenset(key for key in known | inside if key not in names)

    def _to_check(self, changed: Set[Key]) -> set[Key]:
        """The names of which a finding may be another than it was, in the zone or not."""
        touched, before, names = self._touched, self._before.rrsets, self._names
        tails = tuple(changed)
        below = {key for key in names if key.endswith(tails)} if tails else set[Key]()
        came_or_went = [key for key in touched if (key in names) != (key in before)]
        others = touched.union(below, *map(ancestors, came_or_went))
        if self._same_target_at_apex():
            others -= {self._origin}
        again = {*touched, *below, *self._reading.noted, self._origin, NO_REGION + self._origin}
        for key, _, target in self._leads:
            if target is None:
                continue
            absent = target not in names and target.endswith(self._origin)
            if absent or target in others or (tails and target.endswith(tails)):
                again.add(key)
        steered = steered_of(self._parsed.entries)
        if steered:
            again |= {next(filter(steered.__contains__, names), self._origin)}
        again |= self._servers(again)
        return again | self._served_by(again)

    def _same_target_at_apex(self) -> bool:
        """Whether the apex is what it was to those that point to it: every edit touches its SOA."""
        then = self._before.rrsets.get(self._origin, {})
        was = {rdtype: then[rdtype].rdatas[0] for rdtype in _AS_TARGET & then.keys()}
        now: dict[RdataType, Rdata] = {}
        for record in _records(self._parsed.entries, {self._origin}):
            if record.rdata.rdtype in _AS_TARGET:
                now.setdefault(record.rdata.rdtype, record.rdata)
        return was.keys() == now.keys() and was.get(DYNA) == now.get(DYNA)

    def _served_by(self, keys: Set[Key]) -> set[Key]:
        """Those whose NS say that addresses of these are glue, and so on."""
        servers = [(key, target) for key, rdtype, target in self._leads if rdtype == NS]
        found: set[Key] = set()
        while more := {k for k, t in servers if t in keys or t in found} - keys - found:
            found |= more
        return found

    def _servers(self, keys: Set[Key]) -> set[Key]:
        """The name servers of these, as they are and as they were: glue is no hidden record."""
        now = {t for key, rdtype, t in self._leads if rdtype == NS and key in keys and t}
        then = (self._before.rrsets.get(key, {}).get(NS) for key in keys)
        return now | {
            key_of(cast(NsRdata, r).target) for rrset in then if rrset for r in rrset.rdatas
        }

    def _asked_about(self, keys: Set[Key], tree: Tree) -> set[Key]:
        """Names whose records these checks look at besides: targets, wildcards, cuts."""
        targets = {t for key, _, t in self._leads if t is not None and key in keys}
        above = set[Key]().union(*map(ancestors, keys | targets))
        wildcards = {WILDCARD + name for name in above if len(name) >= len(self._origin)}
        cuts = above & (tree.cuts | tree.dnames)
        return targets | cuts | (wildcards & self._names.keys())


class _Nodes(dict[Key, Node]):
    """The nodes that were gathered; one that was not is gathered once it is asked for."""

    def __init__(self, entries: Sequence[Run | Record], names: Mapping[Key, object]) -> None:
        super().__init__()
        self._entries, self._names = entries, names

    def gather(self, keys: Set[Key]) -> None:
        """Make the nodes of these names, of all their records, in the file's order."""
        for record in _records(self._entries, keys & self._names.keys()):
            node = super().get(record.key)
            if node is None:
                node = self[record.key] = Node(record.owner, {})
            node.records.setdefault(record.rdata.rdtype, []).append(record)

    def get(self, key: Key, default: Node | None = None) -> Node | None:  # type: ignore[override]
        """The node of a name of the zone."""
        if key not in self._names:
            return default
        return self[key]

    def __missing__(self, key: Key) -> Node:
        if key not in self._names:
            raise KeyError(key)
        self.gather({key})
        return self[key]


def reading_of(parsed: ParsedZone, part: Part | None, tree: Tree, noted: frozenset[Key]) -> Reading:
    """What the next load may take of this one, of which `noted` are the owners with findings."""
    outside = frozenset(record.key for record in tree.outside)
    # Of a zone that was read whole they are asked for once it is edited.
    existing = vars(tree).get("existing")
    return Reading(
        tuple(entries_of(parsed.entries)) if part is None else part.entries,
        noted,
        outside,
        tree.cuts,
        tree.dnames,
        tree.large,
        existing.between if isinstance(existing, Existing) else None,
        steered_of(parsed.entries),
    )


def steered_of(entries: Iterable[Run | Record]) -> frozenset[Key]:
    """The owners of DYNA. A large zone has tens of thousands of leads and hardly any of these."""
    found: list[Key] = []
    for entry in entries:
        if isinstance(entry, Run):
            found += entry.piece.steered
        elif entry.rdata.rdtype == DYNA:
            found.append(entry.key)
    return frozenset(found)


def _leads(entries: Iterable[Run | Record]) -> Iterator[Lead]:
    for entry in entries:
        if isinstance(entry, Run):
            yield from entry.piece.leads
        elif (lead := lead_of(entry.key, entry.rdata)) is not None:
            yield lead


def _records(entries: Iterable[Run | Record], keys: Set[Key]) -> Iterator[Record]:
    """The records of these owners, in order."""
    for entry in entries:
        if isinstance(entry, Record):
            if entry.key in keys:
                yield entry
        elif not keys.isdisjoint(entry.piece.keys):
            yield from (record for record in records_of(entry) if record.key in keys)


def noted(findings: Iterable[Problem], records: Iterable[Record]) -> frozenset[Key]:
    """The owners of the records that findings point at."""
    places = [(finding.file, finding.line, finding.column) for finding in findings if finding.line]
    if not places:
        return frozenset()
    entries: dict[str, list[tuple[int, Key]]] = {}
    sources: dict[str, SourceFile] = {}
    for record in records:
        file = str(record.source.path)
        sources[file] = record.source
        entries.setdefault(file, []).append((record.entry, record.key))
    found: set[Key] = set()
    for known in entries.values():
        known.sort()
    for file, line, column in places:
        known = entries.get(file, [])
        if known:
            offset = sources[file].offset(line, column)
            end = bisect_right(known, offset, key=itemgetter(0))
            start = bisect_left(known, known[end - 1][0], key=itemgetter(0)) if end else 0
            found.update(key for _, key in known[start:end])
    return frozenset(found)
