"""How a generation goes from edge to edge: pure, from the ledger and what one edge has seen.

Every edge applies `step` to the newest ledger that it has heard, and writes what comes of it by
compare-and-set; so nobody leads, and any live edge carries a trial on. What holds, whatever edges
do (`tests/publishing/test_waves.py` tries it against a slow model):

- The next wave begins once every edge of those before it has proved itself. An edge that failed
  ends the trial: a generation that failed at the canary reaches nobody else.
- An edge of a wave that does not report within `proof` + `patience` seconds of the observer's own
  clock, counted from when the observer heard of that wave, ends the trial likewise.
- What an edge serves is said by `wanted` alone: the generation on trial where a wave has reached it
  and it has not failed, else the completed one. A returned generation is never the completed one.
- No two clocks are compared.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import NamedTuple

from resolverd.errors import ResolverdError
from resolverd.publishing.model import (
    KEPT,
    Generation,
    Ledger,
    Outcome,
    Report,
    ReportState,
    Trial,
)


class UnderWayError(ResolverdError):
    """Another generation is on trial, so none can be published."""


class Seen(NamedTuple):
    """What one edge knows beside the ledger.

    `live` are the edges that follow generations and were heard a moment ago, with whether each is
    a canary. `waited` is for how many seconds it has known the present wave, by its own clock.
    """

    live: Mapping[str, bool]
    waited: float


def publish(ledger: Ledger, generation: Generation) -> Ledger:
    """The ledger with `generation` on trial. Raises UnderWayError."""
    if ledger.trial is not None:
        known = ledger.get(ledger.trial.number)
        whose = f" of {known.author}" if known else ""
        raise UnderWayError(
            f"generation {ledger.trial.number}{whose} is on trial: wait for it (resolverd publish "
            "--list), or end it (resolverd publish --abort)"
        )
    generations = (*ledger.generations, generation)
    kept = [g for g in generations[:-KEPT] if g.number == ledger.completed]
    return Ledger((*kept, *generations[-KEPT:]), ledger.completed, Trial(generation.number))


def step(ledger: Ledger, seen: Seen) -> Ledger | None:
    """What is to be written now; None while there is nothing to do."""
    trial = ledger.trial
    generation = ledger.get(trial.number) if trial else None
    if trial is None or generation is None:
        return None
    for edge in trial.reached:
        if trial.has_reported(edge, ReportState.FAILED):
            return ledger.ended(Outcome.RETURNED, f"{edge}: {trial.reports[edge].why}")
    missing = [edge for edge in trial.reached if not trial.has_reported(edge, ReportState.PROVED)]
    if missing:
        limit = generation.terms.proof + generation.terms.patience
        if seen.waited <= limit:
            return None
        names = ", ".join(missing)
        return ledger.ended(Outcome.RETURNED, f"{names}: no report within {limit:g} s")
    wave = next_wave(trial, generation, seen.live)
    if wave:
        return replace(ledger, trial=replace(trial, waves=(*trial.waves, wave)))
    return ledger.ended(Outcome.COMPLETED) if trial.waves else None


def next_wave(trial: Trial, generation: Generation, live: Mapping[str, bool]) -> tuple[str, ...]:
    """The edges of the wave after those of `trial`; none where all live ones are reached."""
    left = sorted(edge for edge in live if edge not in trial.reached)
    if not trial.waves:
        named = [edge for edge in left if edge in generation.terms.canaries]
        if generation.terms.canaries:
            return tuple(named) if len(named) == len(generation.terms.canaries) else ()
        return tuple(edge for edge in left if live[edge]) or tuple(left[:1])
    shares = generation.terms.shares
    number = len(trial.waves) - 1
    share = shares[number] if number < len(shares) else math.inf
    count = share if share >= 1 else math.ceil(share * (len(left) + len(trial.reached)))
    return tuple(left[: int(min(count, len(left)))])


def report(ledger: Ledger, number: int, edge: str, said: Report) -> Ledger | None:
    """The ledger with what `edge` says of generation `number`; None where nobody asks it.

    Once it has failed nothing else is heard of it.
    """
    trial = ledger.trial
    if trial is None or trial.number != number or edge not in trial.reached:
        return None
    if trial.has_reported(edge, ReportState.FAILED) or trial.has_reported(edge, said.state):
        return None
    if trial.has_reported(edge, ReportState.PROVED) and said.state is ReportState.TAKEN:
        return None
    return replace(ledger, trial=replace(trial, reports={**trial.reports, edge: said}))


def abort(ledger: Ledger, why: str) -> Ledger | None:
    """The ledger without its trial; None where there is none."""
    return None if ledger.trial is None else ledger.ended(Outcome.ABORTED, why)


def wanted(ledger: Ledger, edge: str, *, empty: bool, refused: Collection[int] = ()) -> int:
    """The number of the generation that `edge` is to serve; 0 for what it has.

    `empty`: it has none at all, so that before any is completed it takes the one on trial, for
    there is nothing that it could return to. `refused` are those that it could not serve.
    """
    trial = ledger.trial
    if trial is not None and trial.number not in refused:
        reached = edge in trial.reached and not trial.has_reported(edge, ReportState.FAILED)
        if reached or (empty and not ledger.completed):
            return trial.number
    return ledger.completed
