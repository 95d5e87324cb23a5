"""What a stretch of queries says: lost, wrong, empty, moved, by edge and region. Pure.

Queries are judged by when they left. An answer that came later than `TIMEOUT` is lost: a resolver
has asked elsewhere by then. Wrong is an address outside the client's fence. One that was right
before and is not any more is neither: it has its time until it must be gone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

from bench.fleet.asking.records import Record

TIMEOUT = 1.0
"""Seconds for which an answer is waited for."""


@dataclass
class Account:
    """Of the queries of a stretch of time; times are seconds after its begin."""

    asked: int = 0
    lost: int = 0
    wrong: int = 0
    """Answers with an address outside the client's fence."""
    empty: int = 0
    """Answers without an address, of whatever RCODE."""
    first_lost: float = inf
    last_lost: float = -inf
    by_edge: Counter[str] = field(default_factory=Counter)
    by_region: Counter[str] = field(default_factory=Counter)
    latest: float = 0.0
    """The longest that an answer took, of those that were not lost."""

    @property
    def lossy(self) -> float:
        """Seconds from the first to the last query that was lost; 0 for none."""
        return max(0.0, self.last_lost - self.first_lost) if self.lost else 0.0


@dataclass(frozen=True)
class World:
    """What answers are judged by: the region of each address, and each client's fence."""

    regions: Mapping[str, str]
    fences: Sequence[frozenset[str]]

    def region(self, record: Record) -> str:
        """The region that was answered; empty for none."""
        return self.regions.get(record.address, "")


def account(records: Iterable[Record], world: World, begin: float, end: float = inf) -> Account:
    """Of those that left from `begin` on and before `end`, monotonic seconds."""
    made = Account()
    for record in records:
        if not begin <= record.sent < end:
            continue
        made.asked += 1
        if is_lost(record):
            made.lost += 1
            made.first_lost = min(made.first_lost, record.sent - begin)
            made.last_lost = max(made.last_lost, record.sent - begin)
            continue
        made.latest = max(made.latest, record.received - record.sent)
        made.by_edge[record.edge] += 1
        region = world.region(record)
        made.by_region[region] += 1
        if not record.address:
            made.empty += 1
        elif region not in world.fences[record.client]:
            made.wrong += 1
    return made


def is_lost(record: Record) -> bool:
    """Whether nobody who asks would have waited for it."""
    return not record.received or record.received - record.sent > TIMEOUT


def last_when(
    records: Iterable[Record], holds: Callable[[Record], bool], begin: float
) -> float | None:
    """Seconds from `begin` to when the last query left of whose record it holds; None for none."""
    found = [r.sent for r in records if r.sent >= begin and holds(r)]
    return max(found) - begin if found else None


def first_when(
    records: Iterable[Record], holds: Callable[[Record], bool], begin: float
) -> float | None:
    """The same of the first."""
    return next((r.sent - begin for r in records if r.sent >= begin and holds(r)), None)


def disagreements(records: Iterable[Record], world: World, begin: float) -> list[float]:
    """For how long edges answered one client differently, each time from `begin` on; seconds.

    A client's answer changes at each edge at a moment of its own. A disagreement begins when what
    an edge answers is another than what some other edge answered last, and ends when all that
    answered within the last second say the same.
    """
    found: list[float] = []
    newest: dict[int, dict[str, tuple[float, str]]] = {}
    since: dict[int, float] = {}
    for record in records:
        if record.sent < begin or is_lost(record):
            continue
        said = newest.setdefault(record.client, {})
        said[record.edge] = (record.sent, world.region(record))
        regions = {region for at, region in said.values() if record.sent - at <= TIMEOUT}
        began = since.get(record.client)
        if len(regions) > 1 and began is None:
            since[record.client] = record.sent
        elif len(regions) == 1 and began is not None:
            found.append(record.sent - began)
            del since[record.client]
    return found
