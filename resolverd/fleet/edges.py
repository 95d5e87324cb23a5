"""Which other edges are live, and what each last said; pure.

An edge is live while its last message is no older than what it says itself that its messages are
valid for, and than this edge believes any. Age is judged by this host's monotonic clock alone: when
the message was heard, less what it was late. That is told from the clock readings that the messages
carry: by as much as one took longer than the quickest of the last minute. So what a slow network
delivers long afterwards is old when it comes, and no host's time of day has a part in anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from resolverd.fleet.observed import (
    MAX_TARGETS,
    Head,
    Observed,
    RefusedError,
    read_targets,
)
from resolverd.health.minimum import WindowMinimum, first_of

# Seconds within which clocks drift apart by far less than a message may be late.
_WINDOW = 60.0
# Edges that are known at once, and seconds for which one that is silent is remembered.
MAX_EDGES, _REMEMBERED = 256, 3600.0
# Targets of all of them together: each costs half a kilobyte of memory.
MAX_ALL_TARGETS = 400_000


class Change(NamedTuple):
    """What a message changed of one target."""

    target: str
    before: Observed | None
    after: Observed | None


@dataclass(slots=True)
class Edge:
    """Another edge; `fresh_at` is when its last message was as good as heard, `offset` the least
    of this clock's readings less its own.
    """

    head: Head
    fresh_at: float
    heard_at: float
    offset: WindowMinimum
    octets: bytes = b""
    targets: Mapping[str, tuple[Any, Observed]] = field(default_factory=dict)
    lag: float = 0.0

    def expires_at(self, valid: float) -> float:
        """The clock reading after which it is no longer live."""
        return self.fresh_at + min(valid, self.head.valid)

    def observed(self, target: str) -> Observed | None:
        """What it said last of a target."""
        known = self.targets.get(target)
        return known and known[1]

    def moment(self, clock: float) -> float:
        """A reading of its clock as one of ours; none is later than its last message."""
        return min(clock, self.head.clock) + self.offset.least


class Edges:
    """The other edges by name. `valid`: seconds for which this edge believes a message."""

    def __init__(self, valid: float) -> None:
        self.valid = valid
        self.known: dict[str, Edge] = {}

    def hear(self, head: Head, octets: bytes, now: float) -> list[Change]:
        """Take in a message that was heard at `now`: what it changed of targets.

        Raises RefusedError, with nothing changed.
        """
        before = self.known.get(head.edge)
        known = before.targets if before is not None else {}
        same = before is not None and head.whole and before.octets == octets
        targets = known if same else read_targets(octets, known)
        if not head.whole:
            if before is None or before.head.run != head.run:
                return []  # a whole one follows within a second
            targets = {**known, **targets}
            if len(targets) > MAX_TARGETS:
                raise RefusedError(f"it has more than {MAX_TARGETS} targets")
        elif before is None:
            self._make_room(now)
        if not same:
            self._weigh(head.edge, len(targets), now)
        edge = _after(before, head, now)
        edge.octets, edge.targets = octets if head.whole else b"", targets
        self.known[head.edge] = edge
        return [] if same else list(_changes(known, targets))

    def live(self, now: float) -> dict[str, Edge]:
        """Those that are heard, by name."""
        return {n: e for n, e in self.known.items() if now <= e.expires_at(self.valid)}

    def next_expiry(self, now: float) -> float:
        """The clock reading at which the next of those is live no more; infinite without any."""
        return min((e.expires_at(self.valid) for e in self.live(now).values()), default=math.inf)

    def _weigh(self, name: str, count: int, now: float) -> None:
        """Make room for so many targets of an edge, or refuse them beside those of live ones."""
        if self._targets_but_of(name) + count > MAX_ALL_TARGETS:
            for other in self.known.keys() - self.live(now).keys() - {name}:
                del self.known[other]
        if self._targets_but_of(name) + count > MAX_ALL_TARGETS:
            raise RefusedError(f"all edges together have more than {MAX_ALL_TARGETS} targets")

    def _targets_but_of(self, name: str) -> int:
        return sum(len(edge.targets) for other, edge in self.known.items() if other != name)

    def _make_room(self, now: float) -> None:
        """Forget who has been silent for long; where there are too many, who was for longest."""
        for name in [n for n, e in self.known.items() if now - e.heard_at > _REMEMBERED]:
            del self.known[name]
        if len(self.known) >= MAX_EDGES:
            oldest = min(self.known, key=lambda name: self.known[name].heard_at)
            if now <= self.known[oldest].expires_at(self.valid):
                raise RefusedError(f"there are {MAX_EDGES} live edges already")
            del self.known[oldest]


def _after(before: Edge | None, head: Head, now: float) -> Edge:
    """The edge once a message with this head was heard at `now`."""
    offset = now - head.clock
    if before is None or before.head.run != head.run:
        return Edge(head, now, now, first_of(offset, now, _WINDOW))
    least = before.offset.after(offset, now, _WINDOW)
    lag = max(0.0, offset - least.least)
    # An older message that comes after a newer one makes nothing younger.
    return Edge(head, max(before.fresh_at, now - lag), now, least, lag=lag)


def _changes(
    before: Mapping[str, tuple[Any, Observed]], after: Mapping[str, tuple[Any, Observed]]
) -> Iterator[Change]:
    for id_, one in after.items():
        known = before.get(id_)
        if known is not one:
            yield Change(id_, known and known[1], one[1])
    for id_ in before.keys() - after.keys():
        yield Change(id_, before[id_][1], None)
