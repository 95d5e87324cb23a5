"""Reloads as JSON: how the last one went, what it changed, and what is served in an older state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from resolverd.admin.served import Served
from resolverd.admin.times import iso
from resolverd.snapshot.difference import Difference, Names
from resolverd.snapshot.inputs import Outdated

Json = dict[str, Any]


def reload_of(served: Served) -> Json:
    """How the last attempt to adopt an edit went; `changed` None before the first."""
    reloads = served.reloads
    return {
        "result": reloads.last.partition(":")[0],
        "at": iso(reloads.at),
        "adopted": reloads.adopted,
        "refused": reloads.refused,
        "held": reloads.held,
        "reason": reloads.last if not reloads.successful else None,
        "kept": reloads.kept or None,
        "restart": reloads.restart or None,
        "needs_restart": list(reloads.needs_restart),
        "problems": [asdict(problem) for problem in reloads.problems],
        "outdated": outdated_of(reloads.outdated),
        "changed": None if reloads.changes is None else changes_of(reloads.changes),
        "warnings": [asdict(problem) for problem in served.inputs.warnings],
    }


def outdated_of(parts: Sequence[Outdated]) -> list[Json]:
    """The parts that are served in an older state than their files, and why."""
    return [
        {
            "part": part.part,
            "zone": part.zone or None,
            "state": "held" if part.held else "refused",
            "served": part.served,
            "problems": [asdict(problem) for problem in part.problems],
        }
        for part in parts
    ]


def changes_of(changes: Difference) -> Json:
    """What an edit changes: names by verb; every verb is there, with an empty list for nothing."""
    return {
        "zones": [change._asdict() for change in changes.zones],
        "services": _names(changes.services),
        "regions": _names(changes.regions),
        "places": _names(changes.places),
        "pins": _names(changes.pins),
        "options": list(changes.options),
        "databases": changes.databases,
        "rtt": changes.rtt,
        "summary": changes.summary,
    }


def _names(names: Names) -> Json:
    return {verb: list(changed) for verb, changed in names._asdict().items()}
