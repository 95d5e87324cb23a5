"""What happens to regions, and to what edges see of them."""

from __future__ import annotations

import time

from bench.fleet.accounting import disagreements
from bench.fleet.events.trial import WORLD, Event, Trial, answered_with, moved
from bench.fleet.lab.places import REGIONS, RegionNode
from bench.fleet.lab.processes import until

_VICTIM = "us-east"
_MEANWHILE = 6.0
"""Seconds for which a state of things is held, longer than any verdict takes."""


def region_dies(trial: Trial) -> None:
    """kill -9 of a region's server: every edge moves its clients."""
    trial.gone = answered_with(_VICTIM)
    trial.happens()
    trial.lab.regions[_VICTIM].kill()
    trial.until_gone()
    took = disagreements(trial.load.records(), WORLD, trial.at)
    if took:
        took.sort()
        trial.notes["edges disagreed, longest"] = took[-1]


def two_blinded(trial: Trial) -> None:
    """Two edges cannot reach a region that the others can: these two say "path", no other moves."""
    lab = trial.lab
    blinded, seeing = ("e1", "e2"), ("e3", "e4", "e5")
    trial.happens()
    for name in blinded:
        lab.faults.part(lab.edges[name].node, _region(_VICTIM))
    until(lambda: all(_says_path(trial, name) for name in blinded), "path", 20)
    records = trial.answers_meanwhile(_MEANWHILE)
    at_others = [r for r in records if r.edge in seeing and moved(r)]
    trial.notes["answers moved at the other three"] = len(at_others)
    trial.notes["said path"] = [name for name in lab.edges if _says_path(trial, name)]
    assert not at_others, f"{len(at_others)} answers moved at edges that see the region"
    assert not any(_says_path(trial, name) for name in seeing)


def all_blinded_but_one(trial: Trial) -> None:
    """An edge whose probes are all dropped says that every region is down; nobody follows."""
    lab = trial.lab
    trial.happens()
    for region in REGIONS:
        lab.faults.part(lab.edges["e5"].node, region)
    records = trial.answers_meanwhile(_MEANWHILE)
    at_others = [r for r in records if r.edge != "e5" and moved(r)]
    trial.notes["answers moved at the others"] = len(at_others)
    assert not at_others, f"{len(at_others)} answers moved because of one edge"


def says_all_up(trial: Trial) -> None:
    """A region dies, and an edge is led to believe that it lives: the others move as ever."""
    lab = trial.lab
    by_liar = lambda record: record.edge == "e5"  # noqa: E731
    gone = answered_with(_VICTIM)
    trial.gone = lambda record: gone(record) and not by_liar(record)
    lab.faults.mirror(lab.edges["e5"].node, _region(_VICTIM), _region("eu-west"))
    time.sleep(1.0)
    trial.happens()
    lab.regions[_VICTIM].kill()
    trial.until_gone()


def _region(name: str) -> RegionNode:
    return next(region for region in REGIONS if region.name == name)


def _says_path(trial: Trial, edge: str) -> bool:
    return "path" in trial.lab.edges[edge].standings(_VICTIM)


_VERDICTS = frozenset({"verdicts"})

EVENTS = (
    Event("region-dies", "kill -9 of a region's server", region_dies, quick=True),
    Event("two-blinded", "two of five edges cannot reach a region", two_blinded, needs=_VERDICTS),
    Event("liar-down", "an edge says that all is down", all_blinded_but_one, needs=_VERDICTS),
    Event("liar-up", "a region dies, an edge says that all is up", says_all_up, needs=_VERDICTS),
)
