"""Imports point one way: errors, log → dns → config → siblings → snapshot → engine → … → cli."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "resolverd"
RANKS = {
    "errors": 0,
    "log": 0,
    "restarts": 0,
    "turns": 0,
    "patience": 0,
    "stop_limits": 0,
    "ignored_signals": 0,
    "tasks": 0,
    "uncancelled": 0,
    "loop": 0,
    "imports": 0,
    "certificates": 0,
    "memory": 0,
    "collector": 0,
    "precedence": 0,
    "files": 0,
    "signals": 0,
    "systemd": 0,
    "watchdog": 0,
    "dns": 1,
    "abi": 2,
    "config": 2,
    "zone": 3,
    "geo": 3,
    "health": 3,
    "policy": 3,
    "rtt": 4,
    "snapshot": 5,
    "engine": 6,
    "handover": 7,
    "load": 7,
    "kept": 6,
    "planner": 6,
    "publishing": 7,
    "admin": 8,
    "monitoring": 9,
    "fleet": 6,
    "observation": 9,
    "supervision": 9,
    "restoration": 9,
    "outlook": 10,
    "publication": 10,
    "asked_reloads": 10,
    "adoption": 11,
    "watching": 12,
    "membership": 12,
    "daemon": 13,
    "doctor": 14,
    "anycast": 14,
    "demo": 14,
    "external_dns": 14,
    "rollout": 14,
    "kube": 14,
    "cli": 15,
    "__main__": 16,
}
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def _room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _rooms_imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        modules = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "resolverd":
            modules = [f"resolverd.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or ""]
        for module in modules:
            package, _, rest = module.partition(".")
            room = rest.partition(".")[0]
            if package == "resolverd" and room in RANKS:
                yield room


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_from_rooms_below_it(path: Path) -> None:
    room = _room(path)
    wrong = {
        other
        for other in _rooms_imported(path)
        if other != room and RANKS[other] >= RANKS[room] and RANKS[room] > 0
    }
    assert not wrong, f"{room} may not import {', '.join(sorted(wrong))}"


def test_modules_are_named_and_not_imported_only_where_that_is_the_purpose() -> None:
    """The verbs of the command line, and the kinds of probe, which stand above what names them."""
    by_name = {str(p.relative_to(PACKAGE)) for p in FILES if "import_module(" in p.read_text()}
    assert by_name == {"cli/__init__.py", "config/probe_registry.py"}


def test_every_room_has_a_rank() -> None:
    assert {_room(path) for path in FILES} <= set(RANKS)


def test_no_file_has_outgrown_its_room() -> None:
    long = {str(p): n for p in FILES if (n := len(p.read_text().splitlines())) > 400}
    assert not long


IN_THREADS_OF_A_POOL = {
    "admin/metrics/scrape.py",  # text alone is made
    "cli/measuring.py",  # the kernel is asked
    "cli/publish.py",  # a verb, and temporary files of its own; so are those of geo/
    "engine/pool.py",  # in a worker, of its pipe
    "geo/download.py",
    "geo/fetch.py",
    "geo/npm_registry.py",
}
"""Threads of a pool are few, and the end of the process waits for them: others, and a stop, would
wait for what hangs in one."""


def test_what_may_hang_is_not_done_in_threads_that_are_few_and_waited_for() -> None:
    """`resolverd.files.threads` has those for work on files."""
    calls = ("asyncio.to_thread(", "run_in_executor(")
    users = {
        str(path.relative_to(PACKAGE))
        for path in FILES
        if any(call in path.read_text() for call in calls)
    }
    assert users == IN_THREADS_OF_A_POOL


NATIVE = PACKAGE.parent / "native" / "src"
NATIVE_ROOMS = ("pages", "wire", "geo", "tables", "io", "answer", "ffi")
"""Rooms of the native engine, each of which uses only those before it."""


@pytest.mark.parametrize("room", NATIVE_ROOMS)
def test_a_room_of_the_native_engine_uses_only_those_before_it(room: str) -> None:
    used = {
        other
        for path in (NATIVE / room).rglob("*.rs")
        for other in re.findall(r"\bcrate::(\w+)", path.read_text())
    }
    assert used <= set(NATIVE_ROOMS[: NATIVE_ROOMS.index(room) + 1])


def test_every_file_of_the_native_engine_is_in_a_room() -> None:
    assert {path.name for path in NATIVE.iterdir()} == {"lib.rs", *NATIVE_ROOMS}


def test_no_two_files_of_tests_have_one_name() -> None:
    """pytest collects one of two such files only, wherever they stand."""
    names = [path.name for path in Path(__file__).parent.rglob("test_*.py")]
    assert len(names) == len(set(names))
