"""A fleet under load: what each event lost, answered outside a fence, and how long it took."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from statistics import median
from typing import Any

from bench.figures import Figure
from bench.sections.markdown import number, table

Rows = Mapping[str, list[Mapping[str, Any]]]


def figures(document: Mapping[str, Any]) -> Iterator[Figure]:
    """Wrong answers of all events, lost ones of the planned, the seconds of each that took any."""
    rows = document["rows"]
    wrong = sum(row["wrong"] for row in rows)
    yield Figure("answers outside a fence, all events", wrong, "", bar=0)
    for name, rounds in _by_event(document).items():
        if rounds[0]["planned"]:
            yield Figure(f"{name}: lost", sum(row["lost"] for row in rounds), "", bar=0)
        seconds = [row["converged"] for row in rounds if row["converged"] is not None]
        if seconds:
            reach = (min(seconds), max(seconds))
            yield Figure(f"{name}: seconds", median(seconds), "s", range=reach)


def tables(document: Mapping[str, Any]) -> str:
    """A line for each event."""
    head = ("event", "planned", "asked", "lost", "outside a fence", "over in s", "also")
    rows = [
        (
            rounds[0]["words"],
            "yes" if rounds[0]["planned"] else "",
            number(sum(row["asked"] for row in rounds)),
            number(sum(row["lost"] for row in rounds)),
            number(sum(row["wrong"] for row in rounds)),
            _seconds(rounds),
            _notes(rounds),
        )
        for rounds in _by_event(document).values()
    ]
    settings = document["settings"]
    line = (
        f"{settings['edges']} edges, {settings['regions']} regions, "
        f"{settings['rate']:,.0f} queries a second over both families."
    )
    return f"{table(head, rows, left=2)}\n{line}\n"


def _by_event(document: Mapping[str, Any]) -> Rows:
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in document["rows"]:
        found[row["event"]].append(row)
    return found


def _seconds(rounds: list[Mapping[str, Any]]) -> str:
    known = [row["converged"] for row in rounds if row["converged"] is not None]
    return number(median(known)) if known else "–"


def _notes(rounds: list[Mapping[str, Any]]) -> str:
    said = [*rounds[0]["problems"], *(f"{k}: {_note(v)}" for k, v in rounds[0]["notes"].items())]
    return "; ".join(said) or "–"


def _note(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return number(value) if isinstance(value, (int, float)) else str(value)
