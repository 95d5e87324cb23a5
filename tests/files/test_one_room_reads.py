"""`resolverd.files.reading` alone reads operators' files, so that none can hang or fill us."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "resolverd"

ALLOWED = {
    "files/reading.py": "the room itself",
    "files/file_systems.py": "/proc, which always answers",
    "files/writing.py": "written only",
    "abi/library.py": "a file of the package",
    "cli/streams.py": "/dev/null",
    "doctor/procfs.py": "/proc and /sys, which always answer",
    "engine/sockets.py": "/proc",
    "config/groups.py": "a file of the package",
    "geo/countries.py": "a file of the package",
    "geo/embedded/__init__.py": "a file of the package",
    "monitoring/documents.py": "a file of the package",
    "geo/unpack.py": "what has just been downloaded, or an operator's archive, outside the daemon",
    "geo/npm_registry.py": "what has just been downloaded, outside the daemon",
    "geo/private.py": "/proc/PID/fd",
    "handover/leftovers.py": "/proc and control groups, which always answer",
}
_OPENS = {
    "read_text",
    "read_bytes",
    "open",
    "fdopen",
    "load_cert_chain",
    "load_verify_locations",
}
# Methods of that name which open no file, and TLS contexts made from copies in memory.
_OTHERWISE = {
    "config/hours.py": {"open"},
    "files/large.py": {"fdopen"},  # of what is written; it reads by the room's own way
    "geo/check.py": {"open"},
    "geo/locator.py": {"open"},
    "geo/preload.py": {"open"},
    "cli/geo.py": {"open"},
    "publishing/packing.py": {"open"},  # of an archive in memory
    "files/in_memory.py": {"fdopen"},
    "fleet/access.py": {"load_cert_chain"},
    "health/probes/tls.py": {"load_cert_chain"},
}

FILES = sorted(str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py"))


def _opening(source: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = (
            node.func.attr
            if isinstance(node.func, ast.Attribute)
            else node.func.id
            if isinstance(node.func, ast.Name)
            else ""
        )
        if name in _OPENS:
            yield node.lineno, name


@pytest.mark.parametrize("file", [file for file in FILES if file not in ALLOWED])
def test_no_other_room_opens_a_file(file: str) -> None:
    found = [
        (line, name)
        for line, name in _opening((PACKAGE / file).read_text())
        if name not in _OTHERWISE.get(file, set())
    ]
    assert not found, f"{file} opens files itself; resolverd.files.reading.read_file bounds that"


def test_every_exception_still_opens_files() -> None:
    idle = [file for file in ALLOWED if not list(_opening((PACKAGE / file).read_text()))]
    assert not idle


@pytest.mark.parametrize(
    "source", ["Path(x).read_text()", "open(x)", "os.open(x, 0)", "p.open('rb')", "p.read_bytes()"]
)
def test_the_rule_sees_what_opens_a_file(source: str) -> None:
    assert list(_opening(source))
