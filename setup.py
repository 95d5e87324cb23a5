"""Builds the native library; where that fails, the package goes without, and records why.

pip shows nobody what a build prints. `resolverd/_native.missing`, one line, is what the package
itself reads (`resolverd.abi.library`): it lies where the library would. A library that an earlier
build left there is of other sources, and is removed.

Where ``RESOLVERD_NATIVE_LIBRARY`` names a library that was built already (release/library.py), it
is taken instead. The library is reached by a C ABI: a wheel is for every Python (``py3-none``).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools_rust import RustExtension, build_rust

RECORD = "_native.missing"
CRATE = tomllib.loads((Path(__file__).parent / "native" / "Cargo.toml").read_text())["package"]


class build_native(build_rust):  # noqa: N801 (setuptools knows commands by such names)
    """`build_rust` that records a failure."""

    def run(self) -> None:
        """Build, or say in one line why not. Never raises for want of a compiler."""
        if built := os.environ.get("RESOLVERD_NATIVE_LIBRARY"):
            self._take(Path(built))
            return
        reason = obstacle(os.environ.get("CARGO", "cargo"))
        self._record(reason)
        if reason:
            print(f"the native engine is not built: {reason}")
        else:
            super().run()  # which prints what `run_for_extension` raises: the library is optional

    def run_for_extension(self, extension: RustExtension) -> None:
        """Build one. Raises what setuptools-rust does."""
        try:
            super().run_for_extension(extension)
        except Exception as error:
            self._record(f"cargo failed: {first_error(str(error))}")
            raise

    def _take(self, built: Path) -> None:
        folder = self._folder()
        folder.mkdir(parents=True, exist_ok=True)
        for other in (*folder.glob("_native*.so"), *folder.glob(RECORD)):
            other.unlink()
        shutil.copyfile(built, folder / "_native.so")

    def _record(self, reason: str | None) -> None:
        folder = self._folder()
        if reason is None:
            (folder / RECORD).unlink(missing_ok=True)
            return
        folder.mkdir(parents=True, exist_ok=True)
        (folder / RECORD).write_text(f"{reason}\n", encoding="utf-8")
        for library in folder.glob("_native*.so"):
            library.unlink()

    def _folder(self) -> Path:
        """The package's, where it is built."""
        built = self.get_finalized_command("build_ext").get_ext_fullpath("resolverd._native")
        return Path(built).parent


class any_python(bdist_wheel):  # noqa: N801
    """`bdist_wheel` of a wheel that is for one platform and any Python."""

    def get_tag(self) -> tuple[str, str, str]:
        """The tag of PEP 425."""
        return ("py3", "none", super().get_tag()[2])


def obstacle(cargo: str) -> str | None:
    """Why a build cannot even begin; None where it can."""
    for program in (cargo, "rustc"):
        try:
            said = subprocess.run(
                [program, "--version"], capture_output=True, text=True, check=False, timeout=60
            )
        except (OSError, subprocess.TimeoutExpired):
            return f"there was no {Path(program).name}"
        version = re.search(r"(\d+)\.(\d+)\.\d+", said.stdout)
        if said.returncode or version is None:
            return f"{program} --version failed: {first_error(said.stderr)}"
        needed = CRATE["rust-version"]
        if tuple(map(int, version.groups())) < tuple(map(int, needed.split("."))):
            found = f"{Path(program).name} {version[0]}"
            return f"{found} was too old: {needed} or newer is needed"
    return None


def first_error(said: str) -> str:
    """The first line that tells of an error, else the first line."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return next((line for line in lines if line.startswith("error")), (lines or ["no word"])[0])


if __name__ == "__main__":
    setup(cmdclass={"build_rust": build_native, "bdist_wheel": any_python})
