"""Zone files on disk → checked zones, with every problem of every file at once.

One pass per file: read (`reader`), build_tree the records in a tree (`tree`), check it
(`checks`), and freeze it into a `Zone` when nothing in it is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, cast

import dns.name
import dns.rdata
from dns.rdatatype import SOA

from resolverd import collector
from resolverd.dns.names import Key
from resolverd.errors import Problem, errors_among, where_met
from resolverd.zone.again import Part, noted, part_of, reading_of
from resolverd.zone.alike_zones import AlikeZones, written
from resolverd.zone.catalogue import problem
from resolverd.zone.checks import check_tree
from resolverd.zone.files import UnreadableError, match_files, read_source, read_sources
from resolverd.zone.history import check_serial
from resolverd.zone.included import included_zone, including_files
from resolverd.zone.known_lines import KnownLines
from resolverd.zone.model import RRset, RRsets, Services, Zone, ZoneEdit
from resolverd.zone.parsed import ParsedZone
from resolverd.zone.past_pins import NOTHING_WITHHELD, Withheld
from resolverd.zone.pieces import Pieces, Reading
from resolverd.zone.reader import read_master
from resolverd.zone.sameness import distinct
from resolverd.zone.source import FilePosition, SourceFile
from resolverd.zone.tree import Node, Tree, build_tree

LARGE = 256
"""Names from which on an edit of a zone costs what it changes; of fewer nothing is kept for it."""

_SOA_SERIAL = 2


class Rules(NamedTuple):
    """What zones are checked by, beside themselves; arguments of `load_zones`."""

    services: Services
    ttl_floor: int = 0
    withheld: Withheld = NOTHING_WITHHELD
    strict: bool = False


class ZoneFile(NamedTuple):
    """What one master file gave: a zone unless it has an error, and all that was found.

    `origin` is None where it is unknown; `files` are it and what it includes, as far as was read.
    """

    path: Path
    origin: dns.name.Name | None
    zone: Zone | None
    problems: Sequence[Problem]
    files: Sequence[Path] = ()


def load_zones(
    patterns: Sequence[str],
    base: Path,
    *,
    services: Services,
    ttl_floor: int = 0,
    previous: Mapping[dns.name.Name, Zone] | None = None,
    withheld: Withheld = NOTHING_WITHHELD,
    strict: bool = False,
) -> tuple[dict[dns.name.Name, Zone], list[Problem]]:
    """Load every file that a glob of `patterns`, relative to `base`, matches.

    `services` maps each configured service to what it answers; a DYNA's TTL below
    `ttl_floor` seconds is warned about; `previous` is what the last load returned, for the
    check of serials; `withheld` is what pins withhold from some clients; `strict` makes errors of
    what harms one name alone. Returns the zones without
    errors by origin, and all problems, sorted by file, line and column. Raises nothing: what
    cannot be read is a problem too.
    """
    rules = Rules(services, ttl_floor, withheld, strict)
    files, problems = load_zone_files(patterns, base, rules, previous or {})
    problems += [problem for file in files for problem in file.problems]
    return {file.zone.origin: file.zone for file in files if file.zone}, problems


def load_zone_files(
    patterns: Sequence[str], base: Path, rules: Rules, previous: Mapping[dns.name.Name, Zone]
) -> tuple[list[ZoneFile], list[Problem]]:
    """What each file gave, and what was found of the patterns themselves; as `load_zones`.

    A zone whose files and rules are those of `previous` is the very same object.
    """
    paths, problems = match_files(patterns, base)
    with collector.paused():
        load = _Load(rules, previous)
        sources = zip(paths, read_sources(paths), strict=True)
        files = [load.file(path, read) for path, read in sources]
        return _without_duplicates(_without_included(files)), problems


class _Load:
    """One load, by `rules`, after the zones of `previous`."""

    def __init__(self, rules: Rules, previous: Mapping[dns.name.Name, Zone]) -> None:
        self._rules, self._previous, self._lines = rules, previous, KnownLines()
        self._alike = AlikeZones(rules.withheld)
        self._by_path = {zone.files[0]: zone for zone in previous.values()}
        # Whether the rules of a zone are these, by the identity of what they are kept in.
        self._same: dict[int, bool] = {}

    def file(self, path: Path, read: Callable[[], SourceFile]) -> ZoneFile:
        """The zone of the file at `path`, of `previous` if nothing changed, and its problems."""
        try:
            return self._file(path, read)
        except Exception as defect:  # noqa: BLE001 - of ours: it costs this zone, and no other
            return ZoneFile(path, None, None, [_defect(path, defect)])

    def _file(self, path: Path, read: Callable[[], SourceFile]) -> ZoneFile:
        before = self._by_path.get(path)
        try:
            source = read()
            if before is not None and self._unchanged(before, source):
                return ZoneFile(path, before.origin, before, before.warnings, before.files)
            as_written = None if before is not None else written(source)
            if as_written is not None and as_written.origin in self._previous:
                as_written = None  # its serial is to be compared
            if as_written is not None:
                alike = self._alike.zone(as_written, self._rules)
                if alike is not None:
                    return ZoneFile(path, alike.origin, alike, ())
            parsed = read_master(source, _pieces(before), self._lines)
        except UnreadableError as error:
            position = error.position or FilePosition(str(path), 0, 0, "")
            return ZoneFile(
                path, None, None, [problem(error.id, position, error.message, error.hint)]
            )
        checked = before if before is not None and self._by_same_rules(before) else None
        zone, findings = _check(parsed, self._rules, self._previous, checked)
        problems = tuple(_sorted(findings, parsed.files))
        if zone is not None and problems:
            zone = replace(zone, warnings=problems)
        elif zone is not None and as_written is not None:
            self._alike.remember(as_written, parsed, zone)
        return ZoneFile(path, parsed.origin, zone, problems, parsed.files)

    def _unchanged(self, before: Zone, source: SourceFile) -> bool:
        """Whether the files of `before`, of which `source` is the first, are as they were."""
        if not self._by_same_rules(before):
            return False
        if not before.digests or before.digests[0] != source.digest:
            return False
        included = zip(before.files[1:], before.digests[1:], strict=True)
        return all(read_source(path).digest == digest for path, digest in included)

    def _by_same_rules(self, before: Zone) -> bool:
        key = id(before.checked_by)
        if key not in self._same:
            self._same[key] = before.checked_by == self._rules
        return self._same[key]


def _without_included(files: list[ZoneFile]) -> list[ZoneFile]:
    """The same, where a file that is no zone, but a part of another, says that and no more."""
    parts = [
        index
        for index, file in enumerate(files)
        if file.zone is None and any(found.id == "zone-missing-soa" for found in file.problems)
    ]
    including = including_files(file.files for file in files) if parts else {}
    for index in parts:
        path = files[index].path
        included = included_zone(path, including)
        if included is not None:
            files[index] = ZoneFile(path, None, None, [included])
    return files


def _without_duplicates(files: list[ZoneFile]) -> list[ZoneFile]:
    """The same without the zones that are written twice, for which of the two would be chance."""
    first: dict[dns.name.Name, int] = {}
    for index, file in enumerate(files):
        if file.origin is None:
            continue
        other = first.setdefault(file.origin, index)
        if other != index:
            duplicate = _duplicate_origin(file.path, file.origin, files[other].path)
            files[index] = file._replace(zone=None, problems=[*file.problems, duplicate])
            files[other] = files[other]._replace(zone=None)
    return files


def _pieces(before: Zone | None) -> Pieces | None:
    if before is None or before.reading is None:
        return None
    return Pieces(piece for piece, _ in before.reading.runs)


def _check(
    parsed: ParsedZone,
    rules: Rules,
    previous: Mapping[dns.name.Name, Zone],
    checked: Zone | None,
) -> tuple[Zone | None, list[Problem]]:
    """The zone, unless it has an error, and all that was found.

    `checked` is the zone before, if it was checked by the same rules.
    """
    if parsed.origin is None:
        return None, parsed.problems
    part = None if checked is None else part_of(parsed, checked)
    if part is not None:
        found = list(check_tree(part.tree, parsed.master, *rules))
        if part.tree.large:
            part = None
    if part is None:
        tree = build_tree(parsed.origin, parsed.records, parsed.lost)
        found = list(check_tree(tree, parsed.master, *rules))
    else:
        tree = part.tree
    findings = [*parsed.problems, *found]
    if errors_among(findings):
        return None, findings
    before = previous.get(parsed.origin)
    rrsets = _frozen(tree, before) if part is None else _frozen_part(part, before)
    zone = Zone(
        tree.zone,
        rrsets,
        tuple(parsed.files),
        _reading(parsed, part, tree, found, rrsets),
        tuple(parsed.digests),
        checked_by=rules,
        edited=None if part is None else _edit(part, before, rrsets),
    )
    if before is not None:
        soa = tree.nodes[tree.origin].records[SOA][0]
        findings += check_serial(before, zone, lambda: soa.at_rdata(_SOA_SERIAL))
    return zone, findings


def _reading(
    parsed: ParsedZone,
    part: Part | None,
    tree: Tree,
    found: Sequence[Problem],
    rrsets: Mapping[Key, RRsets],
) -> Reading | None:
    """What the next load may take of this one; nothing of a zone that is soon read."""
    if len(rrsets) < LARGE:
        return None
    points = [problem for problem in found if problem.line]
    records = (r for node in tree.examined.values() for r in node)
    return reading_of(parsed, part, tree, noted(points, records) if points else frozenset())


def _frozen(tree: Tree, before: Zone | None) -> dict[Key, RRsets]:
    """The RRsets of all names; those that are as they were `before` are the very same objects."""
    old = {} if before is None else before.rrsets
    return {key: _kept_or_made(node, old.get(key)) for key, node in tree.nodes.items()}


def _frozen_part(part: Part, before: Zone | None) -> dict[Key, RRsets]:
    """As `_frozen`, of which only those have to be made that an edit has touched."""
    assert before is not None
    old, names = before.rrsets, part.names
    # By what is made of mappings without a step for each of 100,000 names.
    rrsets = dict(old) if part.same_names else dict(zip(names, map(old.get, names), strict=True))
    for key in part.touched:
        if key in names:
            rrsets[key] = _kept_or_made(part.tree.nodes[key], old.get(key))
    return cast(dict[Key, RRsets], rrsets)


def _edit(part: Part, before: Zone | None, rrsets: Mapping[Key, RRsets]) -> ZoneEdit:
    assert before is not None
    was, touched = before.rrsets, part.touched
    changed = {key for key in touched if key in rrsets and was.get(key) is not rrsets[key]}
    gone = [key for key in touched if key in was and key not in rrsets]
    if len(gone) > 1:
        lost = set(gone)
        gone = list(filter(lost.__contains__, was))
    in_order = filter(changed.__contains__, rrsets) if len(changed) > 1 else changed
    return ZoneEdit(before.stamp, list(in_order), gone)


def _kept_or_made(node: Node, old: RRsets | None) -> RRsets:
    return old if old and _unchanged(node, old) else _rrsets(node)


def _unchanged(node: Node, rrsets: RRsets) -> bool:
    if len(node.records) != len(rrsets):
        return False
    for (rdtype, records), rrset in zip(node.records.items(), rrsets.values(), strict=True):
        if rrset.rdtype != rdtype or rrset.owner.labels != node.owner.labels:
            return False
        if len(records) != len(rrset.rdatas):
            return False
        for record, rdata in zip(records, rrset.rdatas, strict=True):
            if record.ttl != rrset.ttl or not _same_octets(record.rdata, rdata):
                return False
    return True


def _same_octets(one: dns.rdata.Rdata, other: dns.rdata.Rdata) -> bool:
    """Whether two records of a type say the same in the same spelling."""
    return one is other or one.to_wire() == other.to_wire()


def _rrsets(node: Node) -> RRsets:
    rrsets = {}
    for rdtype, records in node.records.items():
        first = records[0]
        if len(records) == 1:
            rrsets[rdtype] = RRset(node.owner, rdtype, first.ttl, (first.rdata,))
        else:
            ttl = min(record.ttl for record in records)
            rdatas = distinct(record.rdata for record in records)
            rrsets[rdtype] = RRset(node.owner, rdtype, ttl, rdatas)
    return rrsets


def _duplicate_origin(path: Path, origin: dns.name.Name, other: Path) -> Problem:
    return problem(
        "zone-duplicate-origin",
        FilePosition(str(path), 1, 1, ""),
        f"the zone {origin} is written in {other} already",
        "keep one of the files, or join them with $INCLUDE",
    )


def _defect(path: Path, defect: Exception) -> Problem:
    return problem(
        "zone-defect",
        FilePosition(str(path), 0, 0, ""),
        f"a defect of resolverd met this file: {where_met(defect)}",
        "take back what was edited last, and report this with the file",
    )


def _sorted(findings: Sequence[Problem], files: Sequence[Path]) -> Iterable[Problem]:
    """Findings in the order of the text, without repetitions of one place (`$GENERATE`)."""
    if not findings:
        return findings
    order = {str(path): index for index, path in enumerate(files)}
    unique = {(p.file, p.line, p.column, p.id): p for p in reversed(findings)}
    return sorted(
        unique.values(), key=lambda p: (order.get(p.file, len(order)), p.line, p.column, p.id)
    )
