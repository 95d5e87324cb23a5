"""docs/operations.md names every log event, and every metric that a daemon exposes."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import aiohttp
from harness.daemon import endpoints, running, write_files
from harness.server import HEAD

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


async def test_every_metric_is_described(tmp_path: Path) -> None:
    async with endpoints() as served:
        path = write_files(
            tmp_path,
            {"inference.example.": f"{HEAD}chat 60 DYNA chat\n"},
            served,
            admin='socket = ""\nlisten = "127.0.0.1:0"',
        )
        async with (
            running(path) as daemon,
            aiohttp.ClientSession() as session,
            session.get(f"http://{daemon.admin.listener}/metrics") as response,
        ):
            exposed = set(re.findall(r"^# HELP (resolverd_\w+)", await response.text(), re.M))
    described = set(re.findall(r"^\| `(resolverd_\w+)` \|", PAGE, re.MULTILINE))
    assert described == exposed
