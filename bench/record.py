"""A run compared with the last record, figure by figure. Pure: takes figures, gives judgements.

The last record is what is committed of a result file. Of each figure its ratio is compared, where
it has one, else its value:

- A **ratio** to what stood beside it in the same run means the same on any machine, and so does a
  figure into which no machine enters.
- A **value** by itself is compared only where the record is of the same machine (processor, cores,
  kernel), and the judgement says that it is weak: a shared machine is not the same twice.

A figure is worse by so much as what is compared has grown, or where more is better, shrunk: from 2
to 3 is 50 % worse where less is better, and from 3 to 2 where more is. Beyond 5 % it is a
regression. Where the rounds of either run reach as far as what the other had, it is within noise,
which is said, and makes it no less of a regression to look at. A bar that the record met and the
run misses is one however little has changed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from bench.figures import Figure

LIMIT = 0.05
"""What a figure may be worse by and still be called the same."""

Noise = Literal["within", "beyond", "unknown"]


@dataclass(frozen=True)
class Change:
    """One figure in both runs. `worse` is 0.05 where it is 5 % worse, and negative where better."""

    was: Figure
    now: Figure
    worse: float
    noise: Noise

    @property
    def weak(self) -> bool:
        """Whether it is a value that only the same machine could repeat."""
        return not self.now.comparable

    @property
    def lost_bar(self) -> bool:
        """Whether the record met the bar of now and the run misses it."""
        return _would_meet(self.was, self.now) and self.now.met is False


@dataclass(frozen=True)
class Comparison:
    """All figures of a run: each is in one of these."""

    regressions: list[Change] = field(default_factory=list)
    improvements: list[Change] = field(default_factory=list)
    same: list[Change] = field(default_factory=list)
    new: list[Figure] = field(default_factory=list)
    missing: list[Figure] = field(default_factory=list)
    """Of the record, and not in the run."""
    incomparable: list[Change] = field(default_factory=list)
    """Values of another machine, or of figures that are measured otherwise since."""

    def serious(self) -> list[Change]:
        """Regressions that noise does not explain, of figures that are not weak."""
        return [c for c in self.regressions if c.noise != "within" and not c.weak]


def compare(
    record: Sequence[Figure], run: Sequence[Figure], *, same_machine: bool, limit: float = LIMIT
) -> Comparison:
    """Each figure of `run`, and those of `record` that it lacks, each in the order of its list."""
    found = Comparison()
    before = {figure.name: figure for figure in record}
    for now in run:
        was = before.get(now.name)
        if was is None:
            found.new.append(now)
            continue
        change = Change(was, now, worse_by(was, now), _noise(was, now))
        if not _alike(was, now) or not (now.comparable or same_machine):
            found.incomparable.append(change)
        elif change.worse > limit or change.lost_bar:
            found.regressions.append(change)
        elif change.worse < -limit:
            found.improvements.append(change)
        else:
            found.same.append(change)
    names = {figure.name for figure in run}
    found.missing.extend(figure for figure in record if figure.name not in names)
    return found


def worse_by(was: Figure, now: Figure) -> float:
    """How much worse, as a part of what it was; infinite, of either sign, where that was 0."""
    before, after = was.compared, now.compared
    if now.better == "more":
        before, after = after, before
    if before == after:
        return 0.0
    if before <= 0 or after < 0:
        return math.copysign(math.inf, after - before)
    return after / before - 1


def same_machine(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two result files name one processor, as many cores and one kernel."""
    return all(one.get(key) == other.get(key) for key in ("cpu", "cores", "platform"))


def _alike(was: Figure, now: Figure) -> bool:
    """Whether both are compared by the same thing."""
    return (was.unit, was.better, was.beside, was.ratio is None) == (
        *(now.unit, now.better, now.beside, now.ratio is None),
    )


def _noise(was: Figure, now: Figure) -> Noise:
    """Whether what one had lies within the rounds of the other."""
    pairs = ((was.range, now.compared), (now.range, was.compared))
    reached = [rounds[0] <= value <= rounds[1] for rounds, value in pairs if rounds is not None]
    if not reached:
        return "unknown"
    return "within" if any(reached) else "beyond"


def _would_meet(was: Figure, now: Figure) -> bool:
    if now.bar is None:
        return False
    if now.better == "less":
        return was.compared <= now.bar
    return was.compared >= now.bar
