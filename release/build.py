"""Build a release of this checkout: ``make dist``.

    python -m release.build [--machine x86_64] [--machine aarch64] [--into dist] [--sign KEY]

A wheel for each architecture, for any Python that resolverd runs with; a source distribution; a
bill of materials; and their checksums, signed where a key is named. They hold what is committed;
times in them are the commit's, so that two builds of one commit with one compiler give the same
octets.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from release import checksums, sbom
from release.check import faults
from release.compiler import ROOT, NoCompilerError, compiler
from release.library import library
from release.sdist import settle
from release.targets import TARGETS, Target, named

_EXPORTED = ROOT / "build" / "release" / "source"


def main() -> int:
    """Build, check, and say what there is. 1 where a check found a fault, 2 without a compiler."""
    os.umask(0o022)  # modes are in a wheel, and so in its hash
    chosen = _options()
    chosen.into.mkdir(parents=True, exist_ok=True)
    try:
        built = _release(chosen.into.resolve(), [named(machine) for machine in chosen.machine])
    except NoCompilerError as error:
        print(f"release: {error}", file=sys.stderr)
        return 2
    found = [fault for path in built for fault in faults(path)]
    for fault in found:
        print(f"release: {fault}", file=sys.stderr)
    built.append(checksums.write(chosen.into, built))
    if chosen.sign is not None and not found:
        built.append(
            checksums.sign(
                built[-1], chosen.sign, f"resolverd {_git('describe', '--always', '--tags')}"
            )
        )
    for path in built:
        print(f"{path.stat().st_size / 1e6:6.1f} MB  {os.path.relpath(path)}")
    return 1 if found else 0


def _release(into: Path, targets: list[Target]) -> list[Path]:
    """What is published, but for the checksums. Raises NoCompilerError."""
    epoch = _git("log", "-1", "--format=%ct")
    _export()
    libraries = {target: library(target) for target in targets}
    built = [_built(into, "--sdist", {"SOURCE_DATE_EPOCH": epoch})]
    settle(built[0], int(epoch))
    for target, path in libraries.items():
        variables = {"SOURCE_DATE_EPOCH": epoch, "RESOLVERD_NATIVE_LIBRARY": str(path)}
        tag = f"-C--build-option=--plat-name={target.platform}"
        wheel = _built(into, "--wheel", variables, tag)
        built.append(wheel)
        if target.machine == os.uname().machine:
            # Of the wheel that can be installed here; that of another architecture has the same.
            built.append(into / f"{wheel.name.split('-py3-')[0]}.cdx.json")
            sbom.write(wheel, compiler(target), built[-1])
    return built


def _export() -> None:
    """What is committed, and nothing that lies beside it."""
    shutil.rmtree(_EXPORTED, ignore_errors=True)
    _EXPORTED.mkdir(parents=True)
    with subprocess.Popen(["git", "archive", "HEAD"], cwd=ROOT, stdout=subprocess.PIPE) as archive:
        subprocess.run(["tar", "-x"], cwd=_EXPORTED, stdin=archive.stdout, check=True)
    if archive.returncode:
        raise SystemExit("git archive failed: a release is made from a checkout")


def _built(into: Path, kind: str, variables: Mapping[str, str], *more: str) -> Path:
    """The file that `python -m build` made of the export."""
    shutil.rmtree(_EXPORTED / "build", ignore_errors=True)
    made = into / f".{os.getpid()}"
    subprocess.run(
        [sys.executable, "-m", "build", kind, "--no-isolation", "--outdir", made, *more, _EXPORTED],
        check=True,
        stdout=subprocess.DEVNULL,
        env=os.environ | variables,
    )
    (file,) = made.iterdir()
    path = file.replace(into / file.name)
    made.rmdir()
    return path


def _git(*arguments: str) -> str:
    return subprocess.check_output(["git", *arguments], cwd=ROOT, text=True).strip()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m release.build",
        description="wheels with the native engine, the source distribution, the bill of materials "
        "and the checksums of HEAD",
    )
    machines = [target.machine for target in TARGETS]
    parser.add_argument(
        "--machine",
        action="append",
        choices=machines,
        help="of this architecture only; may be said again",
    )
    parser.add_argument("--into", type=Path, default=ROOT / "dist", help="the folder (dist)")
    parser.add_argument("--sign", type=Path, metavar="KEY", help="a secret key of minisign")
    chosen = parser.parse_args()
    chosen.machine = chosen.machine or machines
    return chosen


if __name__ == "__main__":
    raise SystemExit(main())
