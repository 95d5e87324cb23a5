"""What the fleet keeps of published generations: one ledger, changed by compare-and-set alone.

A *generation* is one checked set of files with a number, its SHA-256, and who published it, and
why. The *ledger* has the generations published, the number of the one that is completed (all
edges serve it, or will), and the *trial* of the one that is not yet: its waves of edges and what
each of these has reported. Since all of that is one value, a change is made by whoever read the
newest one, or not at all: two publishes at once, or a report and the wave after it, have one order.

Times are for people only: nothing is decided by them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from resolverd.errors import ResolverdError

VERSION = 1
KEPT = 30
"""Generations that the ledger remembers; the sets of older ones are deleted."""

DEFAULT_LIMITS: Mapping[str, float] = {
    "moved": 0.25,
    "unserved": 0.0,
    "ttl": 4.0,
    "servfail": 0.01,
    "refused": 0.05,
    "nxdomain": 0.25,
}
"""What a proof may show at most; `proof` says what each is."""


# The most that a count, a time in Unix seconds, which a date can say, and a figure may be.
_MAX_COUNT, _MAX_SECONDS, _MAX_FIGURE = 1 << 53, 3.2e10, 1e300


class LedgerError(ResolverdError):
    """The ledger in the fleet cannot be read; the message says why."""


class Outcome(StrEnum):
    """What has become of a generation."""

    TRIED = "on trial"
    COMPLETED = "completed"
    RETURNED = "returned"
    ABORTED = "aborted"


class ReportState(StrEnum):
    """How far one edge has come with the generation on trial."""

    TAKEN = "taken"
    PROVED = "proved"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Terms:
    """On what a generation goes through the fleet.

    `proof` is how long an edge proves itself, and `patience` how much longer its report is waited
    for, both in seconds of its and the others' own clocks. `canaries` are the edges of the first
    wave, none for those that say so of themselves; `shares` are the waves after it, of all edges: a
    count from 1 on, or a share of less than 1; the rest follow in one more. `limits` are as
    `DEFAULT_LIMITS`. With `accept_losses` it may take away what an edit would be held for.
    """

    proof: float = 60.0
    patience: float = 60.0
    canaries: tuple[str, ...] = ()
    shares: tuple[float, ...] = (0.25,)
    limits: Mapping[str, float] = field(default_factory=lambda: dict(DEFAULT_LIMITS))
    accept_losses: bool = False


@dataclass(frozen=True, slots=True)
class Generation:
    """One published set. `at` is Unix seconds; `again` the earlier number whose set it has, or 0.

    `digest` is that of `packing.digest_of_set`; `octets` is the length of what is stored.
    """

    number: int
    digest: str
    author: str
    note: str
    at: float
    octets: int
    files: int
    terms: Terms = Terms()
    again: int = 0
    outcome: Outcome = Outcome.TRIED
    why: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What an edge says of the generation on trial; `figures` are those of its proof."""

    state: ReportState
    why: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trial:
    """The generation that is on its way: edges by wave, those reached so far; reports by edge."""

    number: int
    waves: tuple[tuple[str, ...], ...] = ()
    reports: Mapping[str, Report] = field(default_factory=dict)

    @property
    def reached(self) -> tuple[str, ...]:
        """The edges of all waves so far."""
        return tuple(edge for wave in self.waves for edge in wave)

    def has_reported(self, edge: str, state: ReportState) -> bool:
        """Whether that is the last that `edge` has reported."""
        return edge in self.reports and self.reports[edge].state is state


@dataclass(frozen=True, slots=True)
class Ledger:
    """Everything about generations; `completed` is 0 before the first one is."""

    generations: tuple[Generation, ...] = ()
    completed: int = 0
    trial: Trial | None = None

    def get(self, number: int) -> Generation | None:
        """The generation of that number, if it is remembered."""
        return next((g for g in self.generations if g.number == number), None)

    @property
    def next_number(self) -> int:
        """The number of the next generation."""
        return max((g.number for g in self.generations), default=0) + 1

    def ended(self, outcome: Outcome, why: str = "") -> Ledger:
        """The ledger once the trial has come to this."""
        assert self.trial is not None
        number = self.trial.number
        generations = tuple(
            replace(g, outcome=outcome, why=why) if g.number == number else g
            for g in self.generations
        )
        completed = number if outcome is Outcome.COMPLETED else self.completed
        return Ledger(generations, completed, None)


def written(ledger: Ledger) -> bytes:
    """The ledger as JSON, the same octets for the same ledger."""
    document = {"version": VERSION, **asdict(ledger)}
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def read(content: bytes | None) -> Ledger:
    """The ledger that was written; an empty one of None. Raises LedgerError."""
    if content is None:
        return Ledger()
    try:
        document = json.loads(content)
        if document["version"] != VERSION:
            raise LedgerError(
                f"the fleet's ledger of generations is of version {document['version']}, and this "
                f"resolverd knows {VERSION}: upgrade it"
            )
        trial = document["trial"]
        return Ledger(
            tuple(map(_generation, document["generations"])),
            _count(document["completed"]),
            None if trial is None else _trial(trial),
        )
    except (
        ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError,
    ) as error:  # fmt: skip
        raise LedgerError(
            f"the fleet's ledger of generations is damaged: {type(error).__name__}: {error}"
        ) from error


def _generation(row: Mapping[str, Any]) -> Generation:
    terms = row["terms"]
    return Generation(
        _count(row["number"]),
        str(row["digest"]),
        str(row["author"]),
        str(row["note"]),
        _number(row["at"], _MAX_SECONDS),
        _count(row["octets"]),
        _count(row["files"]),
        Terms(
            _number(terms["proof"], _MAX_SECONDS),
            _number(terms["patience"], _MAX_SECONDS),
            tuple(map(str, terms["canaries"])),
            tuple(map(_number, terms["shares"])),
            {str(name): _number(limit) for name, limit in terms["limits"].items()},
            bool(terms["accept_losses"]),
        ),
        _count(row["again"]),
        Outcome(row["outcome"]),
        str(row["why"]),
    )


def _trial(row: Mapping[str, Any]) -> Trial:
    return Trial(
        _count(row["number"]),
        tuple(tuple(map(str, wave)) for wave in row["waves"]),
        {
            str(edge): Report(
                ReportState(report["state"]),
                str(report["why"]),
                {
                    str(name): _number(value, _MAX_FIGURE)
                    for name, value in report["figures"].items()
                },
            )
            for edge, report in row["reports"].items()
        },
    )


def _count(value: Any) -> int:
    return int(_number(value, _MAX_COUNT))


def _number(value: Any, most: float = math.inf) -> float:
    known = isinstance(value, int | float) and not isinstance(value, bool)
    if not known or not 0 <= value <= most:  # nor is NaN between them
        raise ValueError(f"{str(value)[:40]} is no number from 0 to {most:g}")
    return float(value)
