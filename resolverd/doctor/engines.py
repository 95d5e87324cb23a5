"""Which engine would serve, why, and how to get the other."""

from __future__ import annotations

import sys
from pathlib import Path

from resolverd.doctor.finding import Finding
from resolverd.engine.choice import COST, Wanted

_REFERENCE = "resolverd serve --set server.engine=reference"
_NATIVE = "resolverd serve --set server.engine=native"
# What native/Cargo.toml asks for as rust-version.
CARGO = "1.88"
# The compiler in Debian 12 and 13; it takes the place of Debian's older cargo and rustc. `.ci/rust`
# installs the same.
PACKAGES = "cargo-web rustc-web gcc"
_BUILD = f"apt-get install {PACKAGES} && {{install}}  # any cargo from {CARGO} on will do"
_PIP = "pip install --no-deps --force-reinstall ."


def installing(package: Path) -> str:
    """The command that installs the `package` at this path again; run where its sources are."""
    if (package.parent / "Makefile").exists():
        return "make demo"
    return f"{sys.executable} -m {_PIP}"


def engine(
    wanted: Wanted, why_not: str | None, *, linux: bool = True, install: str = _PIP
) -> Finding:
    """Which would serve: a warning where it is the slow one though nobody has chosen it.

    `why_not` is the reason that the native library cannot be used, None where it can be; `install`
    the command that installs resolverd again.
    """
    build = _BUILD.format(install=install) if linux else "# on Linux only"
    said = f'server.engine is "{wanted}"'
    if not why_not:
        if wanted == "reference":
            seen = f"the reference engine would serve: {said}; the native one is here too"
            return Finding("engine", "advice", seen, _NATIVE)
        seen = f"the native engine would serve: {said}, and its library can be loaded"
        return Finding("engine", "ok", seen, _REFERENCE)
    if wanted == "native":
        seen = f"no engine would serve: {said}, and it cannot be used: {why_not}"
        return Finding("engine", "fault", seen, f"{_REFERENCE}  # or: {build}")
    if wanted == "auto":
        seen = (
            f"the reference engine would serve: {said}, and the native one cannot be used: "
            f"{why_not}; {COST}"
        )
        return Finding("engine", "warning" if linux else "advice", seen, build)
    seen = f"the reference engine would serve: {said}; the native one: {why_not}"
    return Finding("engine", "ok", seen, build)
