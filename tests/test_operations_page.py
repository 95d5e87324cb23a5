"""docs/operations.md names every log event."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "operations.md").read_text()
LEVELS = {"debug", "info", "warning", "error", "critical"}
EVENT = re.compile(r"[a-z]+(\.[a-z_]+)?")


def _events(path: Path) -> set[tuple[str, str]]:
    """(event, level) of every structlog call in a file."""
    return {
        (str(call.args[0].value), call.func.attr)
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in LEVELS
        and call.args
        and isinstance(call.args[0], ast.Constant)
        and EVENT.fullmatch(str(call.args[0].value))
    }


def test_every_log_event_is_described_with_its_level() -> None:
    told = {event for path in (ROOT / "resolverd").rglob("*.py") for event in _events(path)}
    events = PAGE.partition("## Log events")[2].partition("\n## ")[0]
    assert len(told) > 20
    assert set(re.findall(r"^\| `([a-z._]+)` \| ([a-z]+) \|", events, re.MULTILINE)) == told
