"""How generations and edges are shown by `resolverd publish`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from resolverd.admin.times import iso
from resolverd.cli.rows import Cell, Rows
from resolverd.publishing.model import Generation, Ledger, Outcome, ReportState

_STYLES = {
    Outcome.COMPLETED: "",
    Outcome.TRIED: "cyan",
    Outcome.RETURNED: "red",
    Outcome.ABORTED: "yellow",
}
_SHORT = 12


def list_rows(ledger: Ledger, only: int = 0) -> Rows:
    """The generations, the newest first."""
    rows = Rows("GENERATION", "OUTCOME", "SHA-256", "AUTHOR", "PUBLISHED", "NOTE", "WHY")
    for generation in reversed(ledger.generations):
        if only in (0, generation.number):
            served = " (served)" if generation.number == ledger.completed else ""
            note = (
                f"{generation.note} (as {generation.again})"
                if generation.again
                else generation.note
            )
            rows.add_row(
                str(generation.number),
                Cell(f"{generation.outcome}{served}", _STYLES[generation.outcome]),
                generation.digest[:_SHORT],
                generation.author,
                iso(generation.at),
                note,
                generation.why,
            )
    return rows


def edges_rows(edges: Mapping[str, Mapping[str, Any]]) -> Rows:
    """What each edge serves."""
    rows = Rows("EDGE", "SERVES", "SHA-256", "", "TROUBLE")
    for edge, row in sorted(edges.items()):
        canary = "canary" if row.get("canary") else ""
        away = "" if row["live"] else "not heard of now"
        rows.add_row(
            edge,
            str(row.get("serves") or "-"),
            str(row.get("digest", ""))[:_SHORT],
            Cell(", ".join(filter(None, (canary, away))), "" if row["live"] else "yellow"),
            Cell(str(row.get("trouble", "")), "red"),
        )
    return rows


def show_text(ledger: Ledger, number: int) -> Iterator[str]:
    """A line for each step that a generation has done so far."""
    trial = ledger.trial
    if trial is not None and trial.number == number:
        for index, wave in enumerate(trial.waves):
            yield f"wave {index}{' (canary)' if index == 0 else ''}: {', '.join(wave)}"
            for edge in wave:
                if edge in trial.reports and trial.has_reported(edge, ReportState.PROVED):
                    yield f"{edge}: proved ({_figures(trial.reports[edge].figures)})"
                elif edge in trial.reports:
                    report = trial.reports[edge]
                    yield f"{edge}: {report.state}{': ' if report.why else ''}{report.why}"
        if not trial.waves:
            yield "no canary has been heard yet"
    generation = ledger.get(number)
    if generation is not None and generation.outcome is not Outcome.TRIED:
        yield f"{generation.outcome}{': ' if generation.why else ''}{generation.why}"


def generation_json(generation: Generation, ledger: Ledger) -> dict[str, Any]:
    """A generation as JSON, with its trial where it is under way."""
    trial = ledger.trial
    under_way = trial is not None and trial.number == generation.number
    row = asdict(generation)
    terms = row.pop("terms")
    return {
        **row,
        "at": iso(generation.at),
        "served": generation.number == ledger.completed,
        "terms": terms,
        "waves": [list(wave) for wave in trial.waves] if under_way and trial else [],
        "reports": {
            edge: {"state": report.state.value, "why": report.why, "figures": dict(report.figures)}
            for edge, report in (trial.reports.items() if under_way and trial else ())
        },
    }


def _figures(figures: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.3g}" for name, value in figures.items()) or "no figures"
