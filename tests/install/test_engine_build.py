"""Where the native library cannot be built, somebody is told why, and what to install.

The programs are stand-ins that print what the real ones of that age do; .ci/fresh-debian builds
with the real ones.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from resolverd.abi import library
from resolverd.doctor.engines import CARGO, PACKAGES

ROOT = Path(__file__).parents[2]
NEW, OLD = "1.96.0", "1.65.0"


@pytest.fixture
def setup_py(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """`setup.py`, without the packages that only a build has."""
    setuptools, rust = ModuleType("setuptools"), ModuleType("setuptools_rust")
    wheel = ModuleType("setuptools.command.bdist_wheel")
    vars(setuptools).update(setup=None)
    vars(wheel).update(bdist_wheel=object)
    vars(rust).update(build_rust=object, RustExtension=object)
    monkeypatch.setitem(sys.modules, "setuptools", setuptools)
    monkeypatch.setitem(sys.modules, "setuptools.command.bdist_wheel", wheel)
    monkeypatch.setitem(sys.modules, "setuptools_rust", rust)
    spec = importlib.util.spec_from_file_location("resolverd_setup", ROOT / "setup.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def programs(folder: Path, scripts: dict[str, str]) -> Path:
    """A folder of shell scripts by name, for a PATH."""
    folder.mkdir()
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return folder


def version(name: str, number: str) -> str:
    return f'echo "{name} {number} (abc 2026-01-01)"'


UNSET = 'echo "error: rustup could not choose a version of cargo to run" >&2; exit 1'


@pytest.mark.parametrize(
    ("scripts", "reason"),
    [
        ({}, "there was no cargo"),
        ({"cargo": version("cargo", NEW)}, "there was no rustc"),
        (
            {"cargo": version("cargo", OLD), "rustc": version("rustc", "1.63.0")},
            f"cargo {OLD} was too old: {CARGO} or newer is needed",
        ),
        (
            {"cargo": version("cargo", NEW), "rustc": version("rustc", "1.85.1")},
            f"rustc 1.85.1 was too old: {CARGO} or newer is needed",
        ),
        ({"cargo": UNSET}, "cargo --version failed: error: rustup could not choose"),
        ({"cargo": version("cargo", NEW), "rustc": version("rustc", f"{CARGO}.0")}, None),
    ],
)
def test_why_a_build_cannot_begin(
    scripts: dict[str, str],
    reason: str | None,
    setup_py: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", str(programs(tmp_path / "bin", scripts)))
    found = setup_py.obstacle("cargo")
    assert found == reason or (reason and found.startswith(reason))


@pytest.mark.parametrize(
    ("said", "first"),
    [
        ("   Compiling x\nerror: linker `cc` not found\n  |\n", "error: linker `cc` not found"),
        ("error[E0658]: `let` is unstable\nerror: aborting", "error[E0658]: `let` is unstable"),
        ("Killed\n", "Killed"),
        ("", "no word"),
    ],
)
def test_of_what_a_failed_build_says_the_first_error_is_kept(
    said: str, first: str, setup_py: ModuleType
) -> None:
    assert setup_py.first_error(said) == first


def test_the_package_reads_the_record_where_the_build_writes_it(
    setup_py: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "_PACKAGE", tmp_path)
    load = library._load.__wrapped__
    assert "nothing was recorded" in load().reason
    (tmp_path / setup_py.RECORD).write_text("cargo failed: error: linker `cc` not found\n")
    assert load().reason == (
        "it was not built: cargo failed: error: linker `cc` not found, when resolverd was installed"
    )


def rust(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`.ci/rust` as somebody who is not root, with `path` before the system's own programs."""
    return subprocess.run(
        [ROOT / ".ci" / "rust", *arguments],
        env={"PATH": f"{path}:{os.defpath}"},
        capture_output=True,
        text=True,
        check=False,
    )


SOMEBODY = {"id": "echo 1000", "cc": "exit 0"}


def test_a_user_is_told_in_one_line_what_to_install(tmp_path: Path) -> None:
    old = {"cargo": version("cargo", OLD), "rustc": version("rustc", "1.63.0")}
    path = programs(tmp_path / "bin", SOMEBODY | old)
    build = rust(path)
    assert build.returncode == 0, "the reference engine serves without one"
    assert build.stderr.count("\n") == 1
    assert build.stderr.endswith(f"apt-get install {PACKAGES}\n")
    assert rust(path, "found").stdout == ""


def test_a_compiler_that_is_new_enough_is_found_without_a_word(tmp_path: Path) -> None:
    new = {"cargo": version("cargo", NEW), "rustc": version("rustc", f"{CARGO}.0")}
    path = programs(tmp_path / "bin", SOMEBODY | new)
    build = rust(path)
    assert (build.returncode, build.stdout, build.stderr) == (0, "", "")
    assert rust(path, "found").stdout == f"{path}/cargo\n"


def test_a_library_that_was_built_already_is_taken_as_it_is(
    setup_py: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = tmp_path / "libresolverd_native.so"
    built.write_bytes(b"a library")
    package = tmp_path / "resolverd"
    package.mkdir()
    (package / "_native.missing").write_text("there was no cargo\n")
    (package / "_native.cpython-311-x86_64-linux-gnu.so").write_bytes(b"of other sources")
    monkeypatch.setenv("RESOLVERD_NATIVE_LIBRARY", str(built))
    build = setup_py.build_native()
    monkeypatch.setattr(build, "_folder", lambda: package)
    build.run()
    assert {path.name: path.read_bytes() for path in package.iterdir()} == {
        "_native.so": b"a library"
    }
