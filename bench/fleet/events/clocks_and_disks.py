"""Clocks that are wrong and disks that are full: nothing moves, nothing is lost."""

from __future__ import annotations

from collections.abc import Callable

from bench.fleet.events.trial import Event, Trial, answered_with, moved
from bench.fleet.lab.processes import until

_EDGE = "e2"
_VICTIM = "us-east"
_MEANWHILE = 4.0
_HOUR = 3600.0


def clock_ahead(trial: Trial) -> None:
    """An edge's clock is an hour ahead from one moment to the next; then a region dies."""
    _stepped(trial, _HOUR)


def clock_behind(trial: Trial) -> None:
    """The same an hour behind."""
    _stepped(trial, -_HOUR)


def _stepped(trial: Trial, seconds: float) -> None:
    lab = trial.lab
    edge = lab.edges[_EDGE]
    _restarted(trial, edge.own_clock)
    before = edge.clock_offset()
    edge.clock.step(seconds)
    until(lambda: abs(edge.clock_offset() - before - seconds) < 5, "the step", 10)
    trial.notes["the edge's clock, s"] = round(edge.clock_offset())
    records = trial.answers_meanwhile(_MEANWHILE)
    trial.notes["answers moved before the region died"] = sum(map(moved, records))
    trial.gone = answered_with(_VICTIM)
    trial.happens()
    lab.regions[_VICTIM].kill()
    trial.until_gone()


def disk_full(trial: Trial) -> None:
    """An edge's state directory has no octet left; then a region dies, and the edge restarts so."""
    lab = trial.lab
    edge = lab.edges[_EDGE]
    _restarted(trial, edge.small_disk)
    edge.fill_disk()
    trial.notes["answers moved"] = sum(map(moved, trial.answers_meanwhile(_MEANWHILE)))
    trial.gone = answered_with(_VICTIM)
    trial.happens()
    lab.regions[_VICTIM].kill()
    trial.until_gone()
    here = f"{lab.folder}/"
    trial.notes["degraded"] = [said.replace(here, "") for said in edge.shown()["degraded"]]


def _restarted(trial: Trial, change: Callable[[], None]) -> None:
    """The edge with something changed between its stop and its start, as an operator would."""
    lab, edge = trial.lab, trial.lab.edges[_EDGE]
    edge.withdraw()
    lab.router.until_announcing(lab.edges.keys() - {_EDGE})
    edge.until_ebbed()
    edge.stop()
    change()
    edge.start()
    edge.announce()
    lab.router.until_announcing(lab.edges.keys())


EVENTS = (
    Event("clock-ahead", "an edge's clock steps +1 h; a region dies", clock_ahead),
    Event("clock-behind", "an edge's clock steps −1 h; a region dies", clock_behind),
    Event("disk-full", "an edge's disk is full; a region dies", disk_full),
)
