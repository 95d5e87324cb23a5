"""What a fleet costs and gains beside edges that are alone: canaries, deaths, disagreements."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from statistics import median

from bench.fleet.accounting import disagreements, last_when
from bench.fleet.events.trial import WORLD, Event, Trial, answered_with
from bench.fleet.lab.edge import Edge
from bench.fleet.lab.lab import Lab, until_all_up
from bench.fleet.lab.processes import until
from bench.fleet.lab.regions import Region

_CANARIES_SECONDS = 20.0
_DEATHS = 4
_DYING = ("us-east", "ap-northeast")
_COMPLETIONS = re.compile(
    r'^http_requests_total\{[^}]*handler="/v1/completions"[^}]*\} (\S+)$', re.MULTILINE
)


def canaries(trial: Trial) -> None:
    """How many canaries an idle server gets of five edges, and of one that is alone."""
    lab = trial.lab
    together = _canaries(lab)
    alone = "e1"
    for name, edge in lab.edges.items():
        if name != alone:
            edge.withdraw()
    lab.router.until_announcing({alone})
    for name, edge in lab.edges.items():
        if name != alone:
            edge.until_ebbed()
            edge.stop()
    time.sleep(10.0)  # until nobody waits for another edge's turn
    one = _canaries(lab)
    trial.notes["canaries a second of five edges"] = round(together, 2)
    trial.notes["of one edge"] = round(one, 2)
    trial.notes["ratio"] = round(together / one, 2)


def deaths(trial: Trial) -> None:
    """Regions die and return, with the fleet's quorum and then with each edge's own verdict."""
    trial.happens()
    together, apart = _deaths(trial)
    trial.notes["quorum: last stale answer, median s"] = round(median(together), 2)
    trial.notes["quorum: longest s"] = round(max(together), 2)
    with _own_verdicts(trial.lab):
        alone, _ = _deaths(trial)
    trial.notes["own: median s"] = round(median(alone), 2)
    trial.notes["own: longest s"] = round(max(alone), 2)
    apart.sort()
    trial.notes["disagreements"] = len(apart)
    trial.notes["disagreement, p99 s"] = round(apart[-1 - len(apart) // 100], 2)


def _deaths(trial: Trial) -> tuple[list[float], list[float]]:
    """Of each death the seconds to the last answer with that region; all disagreements."""
    took, began = [], time.monotonic()
    for number in range(_DEATHS):
        name = _DYING[number % len(_DYING)]
        region, gone = trial.lab.regions[name], answered_with(name)
        at = time.monotonic()
        region.kill()
        trial.until_gone_of(gone)
        took.append(last_when(trial.load.records(), gone, at) or 0.0)
        region.start()
        region.until_ready()
        until_all_up(trial.lab)
        time.sleep(2.0)
    return took, disagreements(trial.load.records(), WORLD, began)


@contextmanager
def _own_verdicts(lab: Lab) -> Iterator[None]:
    """Every edge goes by its own probes alone, until the end of the block."""
    _verdicts(lab, "quorum", "own")
    try:
        yield
    finally:
        _verdicts(lab, "own", "quorum")


def _verdicts(lab: Lab, before: str, after: str) -> None:
    for edge in lab.edges.values():
        edge.edit(f'verdicts = "{before}"', f'verdicts = "{after}"')
    for edge in lab.edges.values():
        until(partial(_goes_by, edge, after), f"{edge.name}: {after}", 30)


def _goes_by(edge: Edge, verdicts: str) -> bool:
    return edge.verdicts() == {verdicts}


def _canaries(lab: Lab) -> float:
    """Canaries a second that all regions get, over a while."""
    before = sum(map(_completions, lab.regions.values()))
    time.sleep(_CANARIES_SECONDS)
    return (sum(map(_completions, lab.regions.values())) - before) / _CANARIES_SECONDS


def _completions(region: Region) -> float:
    return sum(float(count) for count in _COMPLETIONS.findall(region.metrics()))


EVENTS = (
    Event("deaths", "regions die and return, by quorum and by own verdicts", deaths),
    Event("canaries", "four of five edges stopped", canaries, planned=True),
)
