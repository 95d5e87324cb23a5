"""Each log call names a declared event, at its level, with its fields; a field has one type."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from resolverd.log.events import EVENTS
from resolverd.log.fields import COMMON, FIELDS

ROOT = Path(__file__).parents[2]
LEVELS = {"debug", "info", "warning", "error", "critical"}


class Call(NamedTuple):
    """One call of a logger; `open` where it passes fields that only a run can tell."""

    where: str
    event: str
    levels: frozenset[str]
    fields: frozenset[str]
    open: bool


def _levels(function: ast.expr) -> frozenset[str]:
    """The methods of a logger that are called: one, or one of two by a condition.

    What readings have to say (`News`) is logged for them, at level info.
    """
    if isinstance(function, ast.Name) and function.id == "News":
        return frozenset({"info"})
    if isinstance(function, ast.IfExp):
        return _levels(function.body) | _levels(function.orelse)
    named = isinstance(function, ast.Attribute) and function.attr in LEVELS
    return frozenset({function.attr}) if named else frozenset()  # type: ignore[attr-defined]


def _calls(path: Path) -> Iterator[Call]:
    for call in ast.walk(ast.parse(path.read_text())):
        if not isinstance(call, ast.Call) or not call.args:
            continue
        event, levels = call.args[0], _levels(call.func)
        if levels and isinstance(event, ast.Constant) and isinstance(event.value, str):
            names = {keyword.arg for keyword in call.keywords}
            fields = {"exception" if name == "exc_info" else name for name in names if name}
            where = f"{path.relative_to(ROOT)}:{call.lineno}"
            is_open = None in names or isinstance(call.func, ast.Name)
            yield Call(where, event.value, levels, frozenset(fields), is_open)


@pytest.fixture(scope="module")
def calls() -> list[Call]:
    """Every call of a logger. To find them takes seconds, so no worker does it to collect tests."""
    return [call for path in sorted((ROOT / "resolverd").rglob("*.py")) for call in _calls(path)]


def _is_as_declared(call: Call) -> bool:
    event = EVENTS.get(call.event)
    return (
        event is not None
        and call.levels <= frozenset(event.levels.split())
        and call.fields <= event.known
        and (call.open or frozenset(event.fields.split()) <= call.fields)
    )


def test_each_call_logs_a_declared_event_with_its_level_and_fields(calls: list[Call]) -> None:
    assert len(calls) > 80
    assert [call for call in calls if not _is_as_declared(call)] == []


def test_each_declared_event_is_logged_at_each_of_its_levels(calls: list[Call]) -> None:
    logged = {(call.event, level) for call in calls for level in call.levels}
    assert logged == {(e.name, level) for e in EVENTS.values() for level in e.levels.split()}


def test_each_field_is_declared_once_and_used() -> None:
    used = frozenset().union(*(event.known for event in EVENTS.values()))
    assert used == FIELDS.keys()
    assert not FIELDS.keys() & COMMON.keys()
