"""Build the Debian packages, on Debian, for its own Python: ``make deb``.

    python3 -m release.deb --wheel NAME.whl --into DIRECTORY

Run in an unpacked export of the sources, with Debian's own Python (3.11 in Debian 12, 3.13 in 13):
the packages are bound to it. It fetches the wheels of requirements.lock, writes debian/changelog,
builds without network, and has lintian judge what came out. ``SOURCE_DATE_EPOCH`` is the time that
stands in the packages.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from release.environment import pip_of

_WHEELS = Path("build", "wheels")
_CHANGELOG = """\
resolverd ({version}) {suite}; urgency=medium

  * Release {released}: /usr/share/doc/resolverd/changelog.gz says what is new.

 -- {maintainer}  {date}
"""


def main() -> int:
    """Build, check, and say what there is. 1 where lintian found a fault."""
    os.umask(0o022)
    chosen = _options()
    system = platform.freedesktop_os_release()
    released = tomllib.loads(Path("pyproject.toml").read_text())["project"]["version"]
    Path("debian", "changelog").write_text(
        changelog(
            released,
            system,
            maintainer=_maintainer(),
            epoch=int(os.environ["SOURCE_DATE_EPOCH"]),
        )
    )
    _fetch(chosen.wheel)
    subprocess.run(["dpkg-buildpackage", "--build=binary", "-us", "-uc"], check=True)
    changes = next(Path("..").glob("resolverd_*.changes"))
    if shutil.which("lintian") is None:
        print("deb: there is no lintian to judge them", file=sys.stderr)
        return _keep(chosen.into)
    lint = ["lintian", "--pedantic", "--display-info", "--fail-on=error,warning"]
    status = subprocess.run([*lint, str(changes)], check=False).returncode
    _keep(chosen.into)
    return 1 if status else 0


def debian_version(released: str, system: dict[str, str]) -> str:
    """0.2.0~rc1+deb12 of 0.2.0rc1: lower than the release's, and higher in each later Debian."""
    tagged = re.sub(r"\.?(a|b|rc|dev)(\d+)", r"~\1\2", released)
    return f"{tagged}+{'deb' if system['ID'] == 'debian' else system['ID']}{system['VERSION_ID']}"


def changelog(released: str, system: dict[str, str], *, maintainer: str, epoch: int) -> str:
    """debian/changelog of one entry; `system` as in os-release(5), `epoch` in seconds."""
    return _CHANGELOG.format(
        version=debian_version(released, system),
        suite=system["VERSION_CODENAME"],
        released=released,
        maintainer=maintainer,
        date=format_datetime(datetime.fromtimestamp(epoch, UTC)),
    )


def _keep(into: Path) -> int:
    into.mkdir(parents=True, exist_ok=True)
    for package in sorted(Path("..").glob("resolverd*.deb")):
        shutil.copy(package, into)
        print(f"{package.stat().st_size / 1e6:6.1f} MB  {package.name}")
    return 0


def _maintainer() -> str:
    found = re.search(r"^Maintainer: (.+)$", Path("debian", "control").read_text(), re.M)
    if found is None:
        raise SystemExit("deb: debian/control names no Maintainer")
    return found[1]


def _fetch(own: Path) -> None:
    """The wheels, each with the hash of requirements.lock; the one part that needs a network."""
    shutil.rmtree(_WHEELS, ignore_errors=True)
    _WHEELS.mkdir(parents=True)
    locked = ["--require-hashes", "--only-binary=:all:", "-r", "requirements.lock"]
    pip = pip_of(Path("build", "pip"))
    subprocess.run([*pip, "download", "--no-deps", "--dest", _WHEELS, *locked], check=True)
    shutil.copy(own, _WHEELS)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 -m release.deb")
    parser.add_argument("--wheel", type=Path, required=True)
    parser.add_argument("--into", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
