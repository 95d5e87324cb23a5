"""The names of a zone after an edit, in the order in which the file has them.

Most edits leave all names where they are. That is told by the few entries that are not pieces as
before, without a step of Python for each of 100,000 names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence, Set
from itertools import chain

from resolverd.dns.names import Key
from resolverd.zone.parsed import Record
from resolverd.zone.pieces import PieceUse, Run
from resolverd.zone.tree import with_ancestors

Entry = PieceUse | Key
"""A piece as it is used, or the owner of a record by itself."""


def entries_of(parsed: Iterable[Run | Record]) -> Iterator[Entry]:
    """What a `Reading` keeps of entries."""
    for entry in parsed:
        yield (entry.piece, entry.ttl) if isinstance(entry, Run) else entry.key


def owners_of(parsed: Iterable[Run | Record]) -> dict[Key, None]:
    """All owners, in the order in which they are first met."""
    keys = ((e.key,) if isinstance(e, Record) else e.piece.keys for e in parsed)
    return dict.fromkeys(chain.from_iterable(keys))


def kept_pieces(then: Sequence[Entry], now: Sequence[Entry]) -> set[PieceUse] | None:
    """The pieces that both have, with the same TTLs; None where they stand in another order.

    So it is where a piece stands twice with the same TTLs.
    """
    was, are = _pieces(then), _pieces(now)
    all_then, all_now = set(was), set(are)
    if len(all_then) < len(was) or len(all_now) < len(are):
        return None
    kept = all_then & all_now
    in_order = [use for use in was if use in kept] == [use for use in are if use in kept]
    return kept if in_order else None


def same_owners(then: Sequence[Entry], now: Sequence[Entry], kept: Set[PieceUse]) -> bool:
    """Whether `now` has the owners that were there `then`, first met in the same order.

    `kept` are the `kept_pieces` of both.
    """
    gaps = zip(_gaps(then, kept), _gaps(now, kept), strict=True)
    return all(was == are for was, are in gaps)


def _pieces(entries: Iterable[Entry]) -> list[PieceUse]:
    return [entry for entry in entries if isinstance(entry, tuple)]


def _gaps(entries: Iterable[Entry], kept: Set[PieceUse]) -> Iterator[list[Key]]:
    """The owners before each kept piece and after the last one, each once in a gap."""
    gap: dict[Key, None] = {}
    for entry in entries:
        if not isinstance(entry, tuple):
            gap[entry] = None
        elif entry in kept:
            yield list(gap)
            gap = {}
        else:
            gap |= dict.fromkeys(entry[0].keys)
    yield list(gap)


class Existing:
    """Every name that exists: `names`, and those `between` them and the origin, which has one."""

    def __init__(self, names: Collection[Key], between: frozenset[Key]) -> None:
        self._names, self.between = names, between

    def __contains__(self, key: object) -> bool:
        """Whether it does."""
        return key in self._names or key in self.between


def between(names: Collection[Key], origin: Key) -> frozenset[Key]:
    """The empty non-terminals (RFC 4592 §2.2.2) of these names, and the origin if it is none."""
    return frozenset(with_ancestors(names, origin).difference(names))
