"""The environment that the Debian package brings: resolverd and its libraries, in one folder.

    python3 -m release.environment --wheels build/wheels --into TREE --as /usr/lib/resolverd
    python3 -m release.environment --depends

It is a virtual environment of Debian's own Python as `venv` would make it at the place where it is
installed: nothing outside of it is imported but the standard library. Wheels come from one folder,
without network; those of others have the hashes of requirements.lock. Nothing in it is of the
machine or the moment that made it. Compiled extensions bind it to one minor version of Python
(`depends`).
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import venv
from pathlib import Path

_MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"
_OF_THIS_BUILD = ("direct_url.json", "INSTALLER", "REQUESTED")
_COMMAND = """\
#!{home}/bin/python3
import sys

from resolverd.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
"""


def main() -> int:
    """Make it, or say what it depends on. Raises CalledProcessError where pip fails."""
    chosen = _options()
    if chosen.depends:
        print(depends(*sys.version_info[:2]))
        return 0
    make(chosen.into, home=chosen.home, wheels=chosen.wheels)
    return 0


def depends(major: int, minor: int) -> str:
    """What a Debian package with extensions of that Python depends on."""
    return f"python3 (>= {major}.{minor}), python3 (<< {major}.{minor + 1})"


def make(into: Path, *, home: str, wheels: Path) -> None:
    """Make it in `into`, for the folder `home`, of the wheels in `wheels`."""
    shutil.rmtree(into, ignore_errors=True)
    packages = into / "lib" / f"python{_MINOR}" / "site-packages"
    (own,) = wheels.glob("resolverd-*.whl")
    pip = pip_of(into.parents[2] / "pip")
    offline = [*pip, "install", "--no-index", "--no-deps", "--no-compile", f"--target={packages}"]
    subprocess.run(
        [*offline, f"--find-links={wheels}", "--require-hashes", "-r", "requirements.lock"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    shutil.rmtree(packages / "bin")  # commands of libraries, for another Python
    subprocess.run([*offline, str(own)], check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(packages / "bin")
    for name in _OF_THIS_BUILD:
        for path in packages.glob(f"*.dist-info/{name}"):
            path.unlink()
    _interpreter(into, home)
    for path in (into, *into.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.parent == into / "bin" else 0o644)


def pip_of(folder: Path) -> list[str]:
    """The command of a pip in a virtual environment of its own, made where it is not there yet."""
    if not (folder / "bin" / "pip").exists():
        venv.create(folder, with_pip=True, symlinks=True)
    return [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--quiet"]


def _interpreter(into: Path, home: str) -> None:
    """What `venv` writes for a Python in /usr/bin, and the command."""
    (into / "bin").mkdir()
    up = "../" * len(Path(home, "bin").relative_to("/usr").parts)
    (into / "bin" / "python3").symlink_to(f"{up}bin/python{_MINOR}")
    (into / "pyvenv.cfg").write_text(
        f"home = /usr/bin\ninclude-system-site-packages = false\nversion = {_MINOR}\n"
    )
    (into / "bin" / "resolverd").write_text(_COMMAND.format(home=home))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 -m release.environment")
    parser.add_argument("--depends", action="store_true")
    parser.add_argument("--wheels", type=Path)
    parser.add_argument("--into", type=Path)
    parser.add_argument("--as", dest="home")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
