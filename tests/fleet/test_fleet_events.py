"""What may happen to a fleet, under load: nobody is answered outside a fence, nor loses by plan."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness.trials import LONG

from bench.fleet.events.roster import EVENTS
from bench.fleet.events.trial import Event, tried
from bench.fleet.lab.lab import Lab

RATE = 5000.0 if LONG else 500.0
SLOWEST = 10.0
"""Seconds after which any event is over, on a machine that others use too."""


@pytest.mark.parametrize("event", [e for e in EVENTS if not e.published], ids=lambda e: e.name)
def test_no_event_widens_a_fence_or_empties_an_answer_and_planned_ones_lose_nothing(
    event: Event, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    _leave_out(event)
    _held(request.getfixturevalue("lab"), event, tmp_path)


@pytest.mark.parametrize("event", [e for e in EVENTS if e.published], ids=lambda e: e.name)
def test_what_is_published_reaches_all_or_none_and_nothing_is_lost(
    event: Event, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    _leave_out(event)
    _held(request.getfixturevalue("published_lab"), event, tmp_path)


def _held(lab: Lab, event: Event, folder: Path) -> None:
    outcome = tried(lab, event, folder, RATE, quiet=2.0 if LONG else 0.5)
    assert not outcome.problems(), outcome.notes
    assert outcome.converged is None or outcome.converged < SLOWEST
    assert outcome.account.asked


def _leave_out(event: Event) -> None:
    """Skip what this run is not for, and say so."""
    if not (LONG or event.quick):
        pytest.skip(f"NOT TESTED, {event.words}: make test-fleet, or LONG=1")
