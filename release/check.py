"""What is wrong with a built distribution.

Nothing here trusts its name: auditwheel reads which glibc the library asks for, twine how the index
would show it, and the members are read.
"""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

LIBRARY = "resolverd/_native.so"
NEEDED = (LIBRARY, "resolverd/py.typed", "resolverd/config/groups.toml")


def faults(path: Path) -> Iterator[str]:
    """Each fault of a wheel or a source distribution, in words; none where it may be published."""
    if path.suffix not in (".whl", ".gz"):
        return
    said = _run("twine", "check", "--strict", str(path))
    if said.returncode:
        yield f"{path.name}: twine: {_last(said)}"
    if path.suffix == ".whl":
        yield from _faults_of_wheel(path)


def _faults_of_wheel(path: Path) -> Iterator[str]:
    with zipfile.ZipFile(path) as wheel:
        names = wheel.namelist()
        library = wheel.read(LIBRARY) if LIBRARY in names else b""
    for name in NEEDED:
        if name not in names:
            yield f"{path.name}: has no {name}"
    for name in names:
        if not name.startswith("resolverd"):
            yield f"{path.name}: {name} does not belong there"
    if b"/home/" in library or str(Path.cwd()).encode() in library:
        yield f"{path.name}: {LIBRARY} names folders of the machine that built it"
    platform = path.stem.rsplit("-", 1)[-1]
    said = _run("auditwheel", "show", str(path))
    tags = re.findall(r'"(manylinux_\w+)"', said.stdout)
    if said.returncode or not tags:
        yield f"{path.name}: auditwheel: {_last(said)}"
    elif _glibc(tags[0]) > _glibc(platform):
        yield f"{path.name}: its library needs {tags[0]}"


def _glibc(tag: str) -> tuple[int, ...]:
    """(2, 28) of manylinux_2_28_x86_64."""
    return tuple(map(int, tag.split("_")[1:3]))


def _run(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments], capture_output=True, text=True, check=False
    )


def _last(said: subprocess.CompletedProcess[str]) -> str:
    lines = (said.stdout + said.stderr).strip().splitlines()
    return lines[-1] if lines else f"ended with {said.returncode}"
