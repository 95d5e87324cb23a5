"""Zone files on disk → checked zones, with every problem of every file at once.

One pass per file: read (`reader`), build_tree the records in a tree (`tree`), check it
(`checks`), and freeze it into a `Zone` when nothing in it is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import dns.name
from dns.rdatatype import SOA

from resolverd import collector
from resolverd.errors import Problem, errors_among
from resolverd.zone.catalogue import problem
from resolverd.zone.checks import check_tree
from resolverd.zone.files import UnreadableError, match_files, read_source, read_sources
from resolverd.zone.history import check_serial
from resolverd.zone.model import RRset, RRsets, Services, Zone
from resolverd.zone.parsed import ParsedZone
from resolverd.zone.past_pins import NOTHING_WITHHELD, Withheld
from resolverd.zone.reader import read_master
from resolverd.zone.source import FilePosition, SourceFile
from resolverd.zone.tree import Node, Tree, build_tree

_SOA_SERIAL = 2


class Rules(NamedTuple):
    """What zones are checked by, beside themselves; arguments of `load_zones`."""

    services: Services
    ttl_floor: int = 0
    withheld: Withheld = NOTHING_WITHHELD
    strict: bool = False


class ZoneFile(NamedTuple):
    """What one master file gave: a zone unless it has an error, and all that was found.

    `origin` is None where it is unknown.
    """

    path: Path
    origin: dns.name.Name | None
    zone: Zone | None
    problems: Sequence[Problem]


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
        return _without_duplicates([load.file(path, read) for path, read in sources]), problems


class _Load:
    """One load, by `rules`, after the zones of `previous`."""

    def __init__(self, rules: Rules, previous: Mapping[dns.name.Name, Zone]) -> None:
        self._rules, self._previous = rules, previous
        self._by_path = {zone.files[0]: zone for zone in previous.values()}
        # Whether the rules of a zone are these, by the identity of what they are kept in.
        self._same: dict[int, bool] = {}

    def file(self, path: Path, read: Callable[[], SourceFile]) -> ZoneFile:
        """The zone of the file at `path`, of `previous` if nothing changed, and its problems."""
        before = self._by_path.get(path)
        try:
            source = read()
            if before is not None and self._unchanged(before, source):
                return ZoneFile(path, before.origin, before, before.warnings)
            parsed = read_master(source, None if before is None else before.lines)
        except UnreadableError as error:
            position = error.position or FilePosition(str(path), 0, 0, "")
            return ZoneFile(
                path, None, None, [problem(error.id, position, error.message, error.hint)]
            )
        zone, findings = _check(parsed, self._rules, self._previous)
        problems = tuple(_sorted(findings, parsed.files))
        if zone is not None:
            zone = replace(zone, warnings=problems, checked_by=self._rules)
        return ZoneFile(path, parsed.origin, zone, problems)

    def _unchanged(self, before: Zone, source: SourceFile) -> bool:
        """Whether the files of `before`, of which `source` is the first, are as they were."""
        key = id(before.checked_by)
        if key not in self._same:
            self._same[key] = before.checked_by == self._rules
        if not self._same[key] or not before.digests or before.digests[0] != source.digest:
            return False
        included = zip(before.files[1:], before.digests[1:], strict=True)
        return all(read_source(path).digest == digest for path, digest in included)


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


def _check(
    parsed: ParsedZone, rules: Rules, previous: Mapping[dns.name.Name, Zone]
) -> tuple[Zone | None, list[Problem]]:
    """The zone, unless it has an error, and all that was found."""
    if parsed.origin is None:
        return None, parsed.problems
    tree = build_tree(parsed.origin, parsed.records, parsed.lost)
    findings = [*parsed.problems, *check_tree(tree, parsed.master, *rules)]
    if errors_among(findings):
        return None, findings
    zone = _freeze(tree, parsed, previous.get(parsed.origin))
    if parsed.origin in previous:
        soa = tree.nodes[tree.origin].records[SOA][0]
        position = soa.at_rdata(_SOA_SERIAL)
        findings += check_serial(previous[parsed.origin], zone, position)
    return zone, findings


def _freeze(tree: Tree, parsed: ParsedZone, before: Zone | None) -> Zone:
    """The zone; owners that are as they were `before` have the very RRsets that they had."""
    old = {} if before is None else before.rrsets
    rrsets = {}
    for key, node in tree.nodes.items():
        kept = old.get(key)
        rrsets[key] = kept if kept and _unchanged(node, kept) else _rrsets(node)
    return Zone(tree.zone, rrsets, tuple(parsed.files), parsed.lines, tuple(parsed.digests))


def _unchanged(node: Node, rrsets: RRsets) -> bool:
    if len(node.records) != len(rrsets):
        return False
    for (rdtype, records), rrset in zip(node.records.items(), rrsets.values(), strict=True):
        if rrset.rdtype != rdtype or rrset.owner is not node.owner:
            return False
        if len(records) != len(rrset.rdatas):
            return False
        for record, rdata in zip(records, rrset.rdatas, strict=True):
            if record.rdata is not rdata or record.ttl != rrset.ttl:
                return False
    return True


def _rrsets(node: Node) -> RRsets:
    rrsets = {}
    for rdtype, records in node.records.items():
        first = records[0]
        if len(records) == 1:
            rrsets[rdtype] = RRset(node.owner, rdtype, first.ttl, (first.rdata,))
        else:
            ttl = min(record.ttl for record in records)
            rdatas = tuple(dict.fromkeys(record.rdata for record in records))
            rrsets[rdtype] = RRset(node.owner, rdtype, ttl, rdatas)
    return rrsets


def _duplicate_origin(path: Path, origin: dns.name.Name, other: Path) -> Problem:
    return problem(
        "zone-duplicate-origin",
        FilePosition(str(path), 1, 1, ""),
        f"the zone {origin} is written in {other} already",
        "keep one of the files, or join them with $INCLUDE",
    )


def _sorted(findings: Iterable[Problem], files: Sequence[Path]) -> Iterator[Problem]:
    """Findings in the order of the text, without repetitions of one place (`$GENERATE`)."""
    order = {str(path): index for index, path in enumerate(files)}
    unique = {(p.file, p.line, p.column, p.id): p for p in reversed(list(findings))}
    return iter(
        sorted(
            unique.values(),
            key=lambda p: (order.get(p.file, len(order)), p.line, p.column, p.id),
        )
    )
