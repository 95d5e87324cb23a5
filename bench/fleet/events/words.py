"""What operators say to the whole fleet: obeyed by all at once, and by edges that are new."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from bench.fleet.accounting import is_lost
from bench.fleet.asking.load import Load
from bench.fleet.events.trial import Event, Trial, answered_with

_REGION = "us-east"
_RESTARTED, _OWN_RATE = "e5", 500.0
RESTARTS = int(os.environ.get("RESTARTS", "10"))
"""How often an edge is restarted with a region drained."""

_SAID = {"region": _REGION, "why": "a trial", "who": "a trial", "for": "30m"}


def drain(trial: Trial) -> None:
    """A region is drained at one edge, and all of them obey."""
    trial.gone = answered_with(_REGION)
    with _drained(trial):
        trial.until_gone()


def new_edges(trial: Trial) -> None:
    """All edges restarted in turn with a region drained, each with nothing left of its state."""
    lab = trial.lab
    everyone = frozenset(lab.edges)
    with _drained(trial):
        trial.gone = answered_with(_REGION)
        trial.until_gone()
        trial.happens()
        trial.gone = None
        for name, edge in lab.edges.items():
            edge.withdraw()
            lab.router.until_announcing(everyone - {name})
            edge.until_ebbed()
            edge.stop()
            shutil.rmtree(edge.state)
            edge.state.mkdir()
            edge.start()
            edge.announce()
            lab.router.until_announcing(everyone)
        after = [r for r in trial.load.records() if r.sent >= trial.at]
        trial.notes["restarts"] = len(lab.edges)
        trial.notes["answers with the drained region"] = sum(map(answered_with(_REGION), after))
        assert not any(map(answered_with(_REGION), after))


def restarts(trial: Trial) -> None:
    """An edge killed and started again and again without its state, asked from its first moment."""
    lab, edge = trial.lab, trial.lab.edges[_RESTARTED]
    with _drained(trial):
        trial.gone = answered_with(_REGION)
        trial.until_gone()
        trial.happens()
        trial.gone = None
        edge.withdraw()
        lab.router.until_announcing(lab.edges.keys() - {_RESTARTED})
        edge.until_ebbed()
        own = (edge.node.ipv4,)
        load = Load(lab.client_namespace, trial.folder / "own", _OWN_RATE, addresses=own)
        try:
            for _ in range(RESTARTS):
                edge.kill()
                shutil.rmtree(edge.state)
                edge.state.mkdir()
                edge.start()
        finally:
            records = load.stop()
    found = [record for record in records if not is_lost(record)]
    trial.notes["restarts"] = RESTARTS
    trial.notes["answers of that edge"] = len(found)
    trial.notes["with the drained region"] = drained = sum(map(answered_with(_REGION), found))
    assert not drained


@contextmanager
def _drained(trial: Trial) -> Iterator[None]:
    """The region drained, by a word at one edge, until the end of the block."""
    trial.happens()
    status, text = trial.lab.edges["e1"].admin("POST", "/drain", _SAID)
    assert status == HTTPStatus.OK, text
    try:
        yield
    finally:
        trial.lab.edges["e2"].resolverd("clear", _REGION)


EVENTS = (
    Event("drain", "a region is drained at one edge", drain, planned=True, quick=True),
    Event(
        "new-edges",
        "all edges restarted without their state, a region drained",
        new_edges,
        planned=True,
    ),
    Event(
        "restarts",
        "an edge killed and restarted without its state, a region drained",
        restarts,
    ),
)
