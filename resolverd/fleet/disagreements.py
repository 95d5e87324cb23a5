"""Since when a path is at fault or a target doubted, and for how long edges have disagreed.

It changes once a tick, and tells what began and what ended; the rest of the time it is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import NamedTuple

from resolverd.health.agreement import Agreement, Standing

# Seconds after which it is worth a word that edges see a target otherwise.
LASTING = 1.0
_APART = frozenset({Standing.PATH, Standing.DOUBTED, Standing.TOLD})


class Turned(NamedTuple):
    """How a target stood before, and now."""

    target: str
    before: Standing
    now: Agreement


@dataclass(slots=True)
class Counted:
    """Of one target since the start: paths at fault, disagreements, and seconds of these."""

    path_faults: int = 0
    disagreements: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Disagreements:
    """By target.

    `changed` is when others last took one down by their word alone, or gave it back. `pending`:
    something stands otherwise than was told, and is told once it has lasted.
    """

    standing: dict[str, Agreement] = field(default_factory=dict)
    since: dict[str, float] = field(default_factory=dict)
    changed: dict[str, float] = field(default_factory=dict)
    counted: dict[str, Counted] = field(default_factory=dict)
    pending: bool = False
    _begun: dict[str, float] = field(default_factory=dict)
    _told: dict[str, Standing] = field(default_factory=dict)

    def record(
        self, found: Mapping[str, Agreement], differing: Set[str], now: float
    ) -> list[Turned]:
        """Know that of all targets these stand so, and of which some edge says otherwise.

        What has lasted is told: edges do not find out about a death in the same moment.
        """
        turned, self.pending = [], False
        apart = {target for target, told in self._told.items() if told in _APART}
        for target in self.standing.keys() | found.keys() | apart:
            before, after = self.standing.get(target, _NONE), found.get(target, _NONE)
            if before.standing is not after.standing:
                self.since[target] = now
                if Standing.TOLD in (before.standing, after.standing):
                    self.changed[target] = now
            told = self._told.get(target, Standing.AGREED)
            settled = after.standing if after.standing in _APART else Standing.AGREED
            if told is not settled and now - self.since[target] < LASTING:
                self.pending = True
            elif told is not settled:
                self._told[target] = settled
                if settled is Standing.PATH:
                    self._of(target).path_faults += 1
                turned.append(Turned(target, told, after))
        self.standing = dict(found)
        self._measure(differing, now)
        return turned

    def seconds(self, target: str, now: float) -> float:
        """For how long edges have disagreed about a target, all times together."""
        begun = self._begun.get(target)
        known = self.counted.get(target)
        return (known.seconds if known else 0.0) + (0.0 if begun is None else now - begun)

    def forget(self, targets: set[str]) -> None:
        """They are observed no more."""
        tables = self.standing, self.since, self.changed, self.counted, self._begun, self._told
        for table in tables:
            for target in targets & set(table):
                del table[target]

    def _measure(self, differing: Set[str], now: float) -> None:
        for target in differing - self._begun.keys():
            self._of(target).disagreements += 1
            self._begun[target] = now
        for target in self._begun.keys() - differing:
            self._of(target).seconds += now - self._begun.pop(target)

    def _of(self, target: str) -> Counted:
        return self.counted.setdefault(target, Counted())


_NONE = Agreement(Standing.ALONE, 0, 0)
