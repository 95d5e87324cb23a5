"""What events cost a fleet's clients: five edges in network namespaces, asked 5,000 times a second.

    python -m bench.fleet.run [--rate 5000] [--only host-killed --only blackhole] [--rounds 1]

Each event of `bench.fleet.events.roster` by itself: what was lost, what was wrong, and how long
until it was over. 1 where an answer was outside a fence, a planned event lost a query, or the fleet
did not come through. As root; the packages of `.ci/packages`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.fleet.events.roster import BY_NAME, EVENTS
from bench.fleet.events.trial import Event, Outcome, tried
from bench.fleet.lab.lab import Lab
from bench.fleet.lab.needs import missing
from bench.report import show, write

RATE = 5000.0


def main() -> int:
    """Try them, print the table, write the result."""
    parser = argparse.ArgumentParser(description="what events cost a fleet's clients")
    parser.add_argument("--rate", type=float, default=RATE, help="queries a second, in total")
    parser.add_argument("--rounds", type=int, default=1, help="how often each event happens")
    parser.add_argument("--only", action="append", choices=sorted(BY_NAME), help="may be repeated")
    parser.add_argument("--keep", type=Path, help="a directory for all files, which stay there")
    asked = parser.parse_args()
    if lacks := missing():
        print("the laboratory cannot be made here; it needs:", *lacks, sep="\n  ", file=sys.stderr)
        return 2
    chosen = [event for event in EVENTS if not asked.only or event.name in asked.only]
    with tempfile.TemporaryDirectory(prefix="rdlab-") as temporary:
        folder = asked.keep or Path(temporary)
        outcomes = trials(chosen, folder, asked.rate, asked.rounds)
    rows = [as_row(outcome) for outcome in outcomes]
    head = ("event", "asked", "lost", "wrong", "converged s")
    cells = [(r["event"], r["asked"], r["lost"], r["wrong"], _shown(r["converged"])) for r in rows]
    show(f"{asked.rate:g} queries a second", [head, *cells])
    settings = {"rate": asked.rate, "rounds": asked.rounds, "edges": 5, "regions": 3}
    document = {"settings": settings, "rows": rows}
    if not asked.only:
        print(f"written: {write('fleet-events', document).name}")
    problems = [f"{o.event.name}: {problem}" for o in outcomes for problem in o.problems()]
    print(*problems, sep="\n", file=sys.stderr)
    return int(bool(problems))


def trials(events: Sequence[Event], folder: Path, rate: float, rounds: int) -> list[Outcome]:
    """Each event so often, in one laboratory or, of what is published, in another."""
    outcomes = []
    for published in (False, True):
        possible = [e for e in events if e.published is published]
        if not possible:
            continue
        place = folder / ("published" if published else "lab")
        with Lab(place, published=published) as lab:
            for event in possible:
                for number in range(rounds):
                    outcome = tried(lab, event, folder / f"{event.name}-{number}", rate)
                    print(said(outcome), flush=True)
                    outcomes.append(outcome)
    return outcomes


def said(outcome: Outcome) -> str:
    """One line of it."""
    found = outcome.account
    problems = "; ".join(outcome.problems())
    return (
        f"{outcome.event.name}: {found.asked:,} asked, {found.lost} lost over {found.lossy:.2f} s, "
        f"{found.wrong} wrong, converged {_shown(outcome.converged)} s"
        + (f"; PROBLEM: {problems}" if problems else "")
        + (f"; {outcome.notes}" if outcome.notes else "")
    )


def as_row(outcome: Outcome) -> dict[str, Any]:
    """As a result file has it."""
    found = outcome.account
    return {
        "event": outcome.event.name,
        "words": outcome.event.words,
        "planned": outcome.event.planned,
        "asked": found.asked,
        "lost": found.lost,
        "lossy": found.lossy,
        "wrong": found.wrong,
        "empty": found.empty,
        "latest": found.latest,
        "by_edge": dict(found.by_edge),
        "by_region": dict(found.by_region),
        "converged": outcome.converged,
        "seconds": outcome.seconds,
        "problems": outcome.problems(),
        "notes": outcome.notes,
    }


def _shown(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:.2f}"


if __name__ == "__main__":
    sys.exit(main())
