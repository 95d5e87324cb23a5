"""A Rust compiler that has the standard library of a target.

The one on PATH where it has it (``rustup target add``). Else Debian's `rustc-web`, with the
standard library of the target's Debian architecture: both are unpacked below ``.cache/rust``,
nothing is installed, and apt is asked with a state of its own, so that no foreign architecture has
to be added to the machine.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from release.targets import Target

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache" / "rust"


class Compiler(NamedTuple):
    """`rustc`, and the variables that it needs."""

    rustc: str
    variables: Mapping[str, str]


class NoCompilerError(Exception):
    """There is none for a target, with what to do about it."""


def compiler(target: Target) -> Compiler:
    """One that has the target's standard library. Raises NoCompilerError."""
    own = shutil.which("rustc")
    if own is not None and _has(own, target, {}):
        return Compiler(own, {})
    return _debian(target)


def _has(rustc: str, target: Target, variables: Mapping[str, str]) -> bool:
    said = subprocess.run(
        [rustc, "--print", "target-libdir", "--target", target.triple],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | variables,
    )
    return said.returncode == 0 and any(Path(said.stdout.strip()).glob("libstd-*.rlib"))


def _debian(target: Target) -> Compiler:
    """Debian's, unpacked once for each target."""
    for program in ("apt-get", "dpkg-deb"):
        if shutil.which(program) is None:
            raise NoCompilerError(
                f"there is no {program} to fetch a compiler for {target.machine} with: "
                f"rustup target add {target.triple}"
            )
    root = CACHE / target.machine
    usr = root / "usr"
    libraries = [usr / "lib" / f"{os.uname().machine}-linux-gnu"]
    found = Compiler(str(usr / "bin" / "rustc"), {"LD_LIBRARY_PATH": ":".join(map(str, libraries))})
    if not Path(found.rustc).exists() or not _has(found.rustc, target, found.variables):
        shutil.rmtree(root, ignore_errors=True)
        host = subprocess.check_output(["dpkg", "--print-architecture"], text=True).strip()
        _unpack(root, host, _with_libraries(root, host))
        _unpack(root, target.debian, ["libstd-rust-web-dev"])
    if not _has(found.rustc, target, found.variables):
        raise NoCompilerError(
            f"Debian's rustc-web and its standard library for {target.debian} do not go together "
            f"here: rustup target add {target.triple}"
        )
    return found


def _with_libraries(root: Path, host: str) -> list[str]:
    """`rustc-web`, and those packages of shared libraries that it is linked with."""
    wanted = ["rustc-web", "libstd-rust-web-dev"]
    for package in wanted:
        said = subprocess.run(
            ["apt-cache", *_options(root, host), "depends", "--no-recommends", package],
            capture_output=True,
            text=True,
            check=True,
        )
        needs = re.findall(r"^ *Depends: ((?:libstd-rust-web-|libllvm)\S+)", said.stdout, re.M)
        wanted += [name for name in needs if name not in wanted]
    return wanted


def _unpack(root: Path, architecture: str, packages: Iterable[str]) -> None:
    """Fetch them and unpack them into `root`. Raises NoCompilerError where apt refuses."""
    fetched = root / "debs" / architecture
    fetched.mkdir(parents=True)
    said = subprocess.run(
        ["apt-get", *_options(root, architecture), "--quiet", "download", *packages],
        cwd=fetched,
        capture_output=True,
        text=True,
        check=False,
    )
    if said.returncode:
        raise NoCompilerError(f"apt-get download {' '.join(packages)}: {said.stderr.strip()}")
    for package in sorted(fetched.glob("*.deb")):
        subprocess.run(["dpkg-deb", "--extract", package, root], check=True)
    shutil.rmtree(fetched)


def _options(root: Path, architecture: str) -> list[str]:
    """Options of apt for lists of its own, of one architecture; they are fetched the first time."""
    state = root / "apt" / architecture
    options = [
        "-o", f"APT::Architecture={architecture}",
        "-o", f"APT::Architectures={architecture}",
        "-o", f"Dir::State={state}",
        "-o", f"Dir::State::status={state}/status",
        "-o", f"Dir::Cache={state}/cache",
        "-o", "APT::Sandbox::User=root",
    ]  # fmt: skip
    if not state.exists():
        for folder in ("lists/partial", "cache/archives/partial"):
            (state / folder).mkdir(parents=True)
        (state / "status").touch()
        said = subprocess.run(
            ["apt-get", *options, "--quiet", "update"], capture_output=True, text=True, check=False
        )
        if said.returncode:
            shutil.rmtree(state)
            raise NoCompilerError(f"apt-get update for {architecture}: {said.stderr.strip()}")
    return options
