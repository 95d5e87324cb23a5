"""Published generations at this edge, for the state and for metrics."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from resolverd.admin.times import iso

if TYPE_CHECKING:
    from resolverd.publishing.model import Ledger, Trial
    from resolverd.publishing.reporting import EdgeStatus


class Generations(Protocol):
    """What a daemon knows of generations; `publishing.edge` has it."""

    @property
    def status(self) -> EdgeStatus:
        """What this edge serves."""

    @property
    def ledger(self) -> Ledger:
        """The newest ledger that was heard."""

    @property
    def on_trial(self) -> bool:
        """Whether what is served is on trial."""


def generations_of(generations: Generations | None) -> dict[str, Any] | None:
    """The part of /state; None where the configuration is this host's own."""
    if generations is None:
        return None
    status, ledger = generations.status, generations.ledger
    serves = status.serves
    known = ledger.get(serves.number) if serves else None
    return {
        "number": serves.number if serves else None,
        "sha256": serves.digest if serves else None,
        "author": known.author if known else None,
        "note": known.note if known else None,
        "published_at": iso(known.at) if known else None,
        "since": iso(status.since) if serves else None,
        "on_trial": generations.on_trial,
        "completed": ledger.completed,
        "trouble": status.trouble or None,
        "trial": None if ledger.trial is None else _trial(ledger.trial, wave_seconds(generations)),
    }


def wave_seconds(generations: Generations) -> float:
    """For how long the present wave has been known here, in seconds; 0 where there is none."""
    if generations.ledger.trial is None:
        return 0.0
    return time.monotonic() - generations.status.wave_since


def behind(generations: Generations) -> bool:
    """Whether this edge serves another set than the completed one, and not one on trial."""
    serves, completed = generations.status.serves, generations.ledger.completed
    return (
        bool(completed)
        and not generations.on_trial
        and (serves is None or serves.number != completed)
    )


def _trial(trial: Trial, seconds: float) -> Mapping[str, Any]:
    return {
        "number": trial.number,
        "seconds": round(seconds, 3),
        "waves": [list(wave) for wave in trial.waves],
        "reports": [
            {
                "edge": edge,
                "state": report.state.value,
                "why": report.why or None,
                "figures": dict(report.figures),
            }
            for edge, report in sorted(trial.reports.items())
        ],
    }
