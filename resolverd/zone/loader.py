"""Zone files on disk → checked zones, with every problem of every file at once.

One pass per file: read (`reader`), plant the records in a tree (`tree`), check it
(`checks`), and freeze it into a `Zone` when nothing in it is an error.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import dns.name
from dns.rdatatype import SOA

from resolverd.errors import Problem, errors_among
from resolverd.zone.catalogue import found
from resolverd.zone.checks import check_tree
from resolverd.zone.draft import Draft
from resolverd.zone.files import UnreadableError, match_files, read_source
from resolverd.zone.history import check_serial
from resolverd.zone.lines import Lines
from resolverd.zone.model import RRset, RRsets, Services, Zone
from resolverd.zone.past_pins import NOTHING_KEPT, Kept
from resolverd.zone.reader import read_master
from resolverd.zone.source import Place
from resolverd.zone.tree import Node, Tree, plant

_SOA_SERIAL = 2


def load_zones(
    patterns: Sequence[str],
    base: Path,
    *,
    services: Services,
    ttl_floor: int = 0,
    previous: Mapping[dns.name.Name, Zone] | None = None,
    kept: Kept = NOTHING_KEPT,
    strict: bool = False,
) -> tuple[dict[dns.name.Name, Zone], list[Problem]]:
    """Load every file that a glob of `patterns`, relative to `base`, matches.

    `services` maps each configured service to what it answers; a DYNA's TTL below
    `ttl_floor` seconds is warned about; `previous` is what the last load returned, for the
    check of serials; `kept` is what pins keep from some clients; `strict` makes errors of
    what harms one name alone. Returns the zones without
    errors by origin, and all problems, sorted by file, line and column. Raises nothing: what
    cannot be read is a problem too.
    """
    with _collector_at_rest():
        return _load(patterns, base, services, ttl_floor, previous or {}, kept, strict)


def _load(
    patterns: Sequence[str],
    base: Path,
    services: Services,
    ttl_floor: int,
    previous: Mapping[dns.name.Name, Zone],
    kept: Kept,
    strict: bool,
) -> tuple[dict[dns.name.Name, Zone], list[Problem]]:
    paths, problems = match_files(patterns, base)
    read_before = {zone.files[0]: zone.lines for zone in previous.values()}
    zones: dict[dns.name.Name, Zone] = {}
    origins: dict[dns.name.Name, Path] = {}
    for path in paths:
        draft = _read(path, read_before.get(path), problems)
        if draft is None:
            continue
        zone, findings = _judge(draft, services, ttl_floor, previous, kept, strict)
        if draft.origin is not None and draft.origin in origins:
            # Neither file is served: which of the two would be chance.
            findings.append(_written_twice(draft, draft.origin, origins[draft.origin]))
            zones.pop(draft.origin, None)
        elif draft.origin is not None:
            origins[draft.origin] = path
            if zone is not None:
                zones[draft.origin] = zone
        problems += _sorted(findings, draft.files)
    return zones, problems


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Spare a large zone the garbage collector, which would walk its growing records again
    and again (a third of the time) and find nothing: they hold no cycles."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _read(path: Path, before: Lines | None, problems: list[Problem]) -> Draft | None:
    try:
        return read_master(read_source(path), before)
    except UnreadableError as wrong:
        place = wrong.place or Place(str(path), 0, 0, "")
        problems.append(found(wrong.id, place, wrong.message, wrong.mend))
        return None


def _judge(
    draft: Draft,
    services: Services,
    ttl_floor: int,
    previous: Mapping[dns.name.Name, Zone],
    kept: Kept,
    strict: bool,
) -> tuple[Zone | None, list[Problem]]:
    """The zone, unless it has an error, and all that was found."""
    if draft.origin is None:
        return None, draft.problems
    tree = plant(draft.origin, draft.records, draft.lost)
    findings = [*draft.problems, *check_tree(tree, draft.master, services, ttl_floor, kept, strict)]
    if errors_among(findings):
        return None, findings
    zone = _freeze(tree, draft, previous.get(draft.origin))
    if draft.origin in previous:
        soa = tree.nodes[tree.origin].records[SOA][0]
        place = soa.at_rdata(_SOA_SERIAL)
        findings += check_serial(previous[draft.origin], zone, place)
    return zone, findings


def _freeze(tree: Tree, draft: Draft, before: Zone | None) -> Zone:
    """The zone; owners that are as they were `before` have the very RRsets that they had."""
    had = {} if before is None else before.rrsets
    rrsets = {}
    for key, node in tree.nodes.items():
        kept = had.get(key)
        rrsets[key] = kept if kept and _unchanged(node, kept) else _rrsets(node)
    return Zone(tree.zone, rrsets, tuple(draft.files), draft.lines)


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


def _written_twice(draft: Draft, origin: dns.name.Name, other: Path) -> Problem:
    return found(
        "zone-duplicate-origin",
        draft.master.place(0),
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
