"""Roots of Debian in which the packages are installed, and a second version of them.

`make deb` makes the packages and `.ci/deb-roots` the roots. ``DEBS`` names the folder of the
packages; without it nothing here is tried.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from release.deb import debian_version
from resolverd import __version__

ROOT = Path(__file__).parents[2]
SUITES = {"bookworm": "deb12", "trixie": "deb13"}
"""Releases of Debian, and how a version of the packages names each."""
_KEPT = ROOT / ".cache" / "package"
_QUICK = "-Zgzip", "-z1"  # of a package that is thrown away


class Packages(NamedTuple):
    """One version of both."""

    version: str
    files: Sequence[Path]


def why_not() -> str:
    """Why the packages cannot be tried here; empty if they can."""
    if not os.environ.get("DEBS"):
        return "it takes minutes; `make deb-test` does it"
    return ""


def unpacked(suite: str, into: Path) -> Path:
    """A root of its own of that release."""
    root = into / suite
    root.mkdir()
    subprocess.run(["tar", "-C", root, "-xf", _KEPT / f"{suite}.tar"], check=True)
    return root


def built(suite: str) -> Packages:
    """The packages in ``DEBS`` for that release."""
    number = SUITES[suite].removeprefix("deb")
    version = debian_version(__version__, {"ID": "debian", "VERSION_ID": number})
    found = sorted(Path(os.environ["DEBS"]).glob(f"resolverd*_{version}_*.deb"))
    assert len(found) == 2, f"not two packages of {version} in {os.environ['DEBS']}: {found}"
    return Packages(version, found)


def later(packages: Packages, into: Path) -> Packages:
    """The same with a higher version, which the program tells, and another resolverd.toml."""
    into.mkdir()
    version = re.sub(r"^[\d.]+", "9.0.0", packages.version)
    made = []
    for path in packages.files:
        tree = into / path.stem
        subprocess.run(["dpkg-deb", "--raw-extract", path, tree], check=True)
        control = tree / "DEBIAN" / "control"
        control.write_text(control.read_text().replace(packages.version, version))
        for module in tree.glob("usr/lib/resolverd/lib/*/site-packages/resolverd/__init__.py"):
            text = module.read_text()
            module.write_text(re.sub(r'__version__ = ".*"', '__version__ = "9.0.0"', text))
        for conffile in tree.glob("etc/resolverd/resolverd.toml"):
            conffile.write_text(conffile.read_text() + "# of 9.0.0\n")
        target = into / path.name.replace(packages.version, version)
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", *_QUICK, "--build", tree, target],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        shutil.rmtree(tree)
        made.append(target)
    return Packages(version, made)
