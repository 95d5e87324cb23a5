"""What happens to regions, and to what edges see of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bench.fleet.accounting import disagreements
from bench.fleet.events.trial import WORLD, Event, Trial, answered_with, moved
from bench.fleet.lab.places import REGIONS, RegionNode
from bench.fleet.lab.processes import Process, until
from bench.report import ROOT

_VICTIM, _LIAR = "us-east", "e5"
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


def blind_to_all(trial: Trial) -> None:
    """An edge whose probes are all dropped says that every region is down; nobody follows."""
    lab = trial.lab
    trial.happens()
    for region in REGIONS:
        lab.faults.part(lab.edges[_LIAR].node, region)
    _nobody_moves(trial)


def believes_the_dead(trial: Trial) -> None:
    """A region dies, and what an edge asks there another answers: the others move as ever."""
    lab = trial.lab
    lab.faults.mirror(lab.edges[_LIAR].node, _region(_VICTIM), _region("eu-west"))
    gone = answered_with(_VICTIM)
    trial.gone = lambda record: gone(record) and record.edge != _LIAR
    trial.happens()
    lab.regions[_VICTIM].kill()
    trial.until_gone()


def lies_all_down(trial: Trial) -> None:
    """An edge tells the others that every region is down, while all are up."""
    with _lying(trial, "down"):
        trial.happens()
        _nobody_moves(trial)


def lies_all_up(trial: Trial) -> None:
    """A region dies, and an edge tells the others that it is up and was asked just now."""
    with _lying(trial, "up"):
        trial.gone = answered_with(_VICTIM)
        trial.happens()
        trial.lab.regions[_VICTIM].kill()
        trial.until_gone()


@contextmanager
def _lying(trial: Trial, state: str) -> Iterator[None]:
    """An edge out of service, and a program that lies in its name, heard by all others."""
    lab, edge = trial.lab, trial.lab.edges[_LIAR]
    edge.withdraw()
    lab.router.until_announcing(lab.edges.keys() - {_LIAR})
    edge.until_ebbed()
    edge.stop()
    command = [sys.executable, "-m", "bench.fleet.lab.liar", "--url", lab.nats["n1"].url]
    command += ["--edge", _LIAR, "--as", "e4", "--state", state]
    others = [lab.edges[name] for name in lab.edges.keys() - {_LIAR}]
    until(lambda: all(edge.told_by(_LIAR) > 1.5 for edge in others), "silent", 20)
    liar = Process(edge.namespace, command, edge.folder / "liar.log", folder=ROOT)
    try:
        liar.until(lambda: all(edge.told_by(_LIAR) < 1.0 for edge in others), "heard", 20)
        yield
    finally:
        liar.kill()


def _nobody_moves(trial: Trial) -> None:
    records = trial.answers_meanwhile(_MEANWHILE)
    at_others = [r for r in records if r.edge != _LIAR and moved(r)]
    trial.notes["answers moved at the others"] = len(at_others)
    assert not at_others, f"{len(at_others)} answers moved because of one edge"


def _region(name: str) -> RegionNode:
    return next(region for region in REGIONS if region.name == name)


def _says_path(trial: Trial, edge: str) -> bool:
    return "path" in trial.lab.edges[edge].standings(_VICTIM)


EVENTS = (
    Event("region-dies", "kill -9 of a region's server", region_dies, quick=True),
    Event(
        "two-blinded",
        "two of five edges cannot reach a region",
        two_blinded,
        quick=True,
    ),
    Event("blind", "an edge reaches no region", blind_to_all),
    Event("mirror", "a region dies, and one edge is misled", believes_the_dead),
    Event("liar-down", "an edge says that all is down", lies_all_down),
    Event("liar-up", "a region dies, an edge says that all is up", lies_all_up),
)
