"""Since when a path is at fault or a target doubted, and for how long edges have disagreed.

It changes once a tick, and tells what began and what ended; the rest of the time it is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from resolverd.health.agreement import Agreement, Standing


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

    `changed` is when others last took one down by their word alone, or gave it back.
    """

    standing: dict[str, Agreement] = field(default_factory=dict)
    since: dict[str, float] = field(default_factory=dict)
    changed: dict[str, float] = field(default_factory=dict)
    counted: dict[str, Counted] = field(default_factory=dict)
    _begun: dict[str, float] = field(default_factory=dict)

    def record(
        self, found: Mapping[str, Agreement], disagree: Mapping[str, bool], now: float
    ) -> list[Turned]:
        """Know that of all targets these stand so, and where some edge says otherwise than ours."""
        turned = []
        for target in self.standing.keys() | found.keys():
            before = self.standing.get(target, _NONE)
            after = found.get(target, _NONE)
            if before.standing is not after.standing:
                self.since[target] = now
                if Standing.TOLD in (before.standing, after.standing):
                    self.changed[target] = now
                if after.standing is Standing.PATH:
                    self._of(target).path_faults += 1
                turned.append(Turned(target, before.standing, after))
        self.standing = dict(found)
        self._measure({target for target, differs in disagree.items() if differs}, now)
        return turned

    def seconds(self, target: str, now: float) -> float:
        """For how long edges have disagreed about a target, all times together."""
        begun = self._begun.get(target)
        known = self.counted.get(target)
        return (known.seconds if known else 0.0) + (0.0 if begun is None else now - begun)

    def forget(self, targets: set[str]) -> None:
        """They are observed no more."""
        for table in (self.standing, self.since, self.changed, self.counted, self._begun):
            for target in targets & table.keys():
                del table[target]

    def _measure(self, differing: set[str], now: float) -> None:
        for target in differing - set(self._begun):
            self._of(target).disagreements += 1
            self._begun[target] = now
        for target in set(self._begun) - differing:
            self._of(target).seconds += now - self._begun.pop(target)

    def _of(self, target: str) -> Counted:
        return self.counted.setdefault(target, Counted())


_NONE = Agreement(Standing.ALONE, 0, 0)
