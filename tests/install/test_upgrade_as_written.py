"""The commands of docs/install.md and docs/upgrade.md, in their order, in a root of its own."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
# Of what they call, only what leads to another version is real.
STUBS = {
    "apt-get": "",
    "systemctl": 'echo "$*: $(readlink -f "$ROOT/opt/resolverd")" >> "$ROOT/systemctl"',
    "resolverd": 'echo \'  "version": "2.1"\'',
    "python3": """\
[ "$1 $2" = "-m venv" ]
mkdir -p "$3/bin"
for program in pip resolverd; do
    printf '#!/bin/sh\\n' > "$3/bin/$program"
    chmod 755 "$3/bin/$program"
done
""",
}


class Host:
    """A root with the stubs; `run` does as a page says, with this root for the host's."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "bin").mkdir()
        (root / "opt").mkdir()
        (root / "etc/systemd/system").mkdir(parents=True)
        for name, text in STUBS.items():
            (root / "bin" / name).write_text(f"#!/bin/sh -eu\n{text}\n")
            (root / "bin" / name).chmod(0o755)

    def run(self, commands: str) -> int:
        """The exit status of these lines, the first that fails being the last."""
        path = f"{self.root}/bin:{os.environ['PATH']}"
        there = re.sub(r"(?<=\s)/(opt|etc)/", rf"{self.root}/\1/", f"\n{commands}")
        ran = subprocess.run(
            ["sh", "-euc", there],
            cwd=ROOT,
            env={"PATH": path, "ROOT": str(self.root)},
            capture_output=True,
            check=False,
        )
        return ran.returncode

    @property
    def version(self) -> str:
        """The folder that the units lead to."""
        return (self.root / "opt/resolverd").resolve().name

    @property
    def restarted(self) -> str:
        """The folder that the last restart began."""
        asked = (self.root / "systemctl").read_text().splitlines()
        last = [line for line in asked if line.startswith("restart resolverd.service: ")][-1]
        return Path(last.split(": ")[1]).name


def block(page: str, beginning: str) -> str:
    """The one block of shell commands of a page that begins so."""
    blocks = re.findall(r"```sh\n(.*?)```", (DOCS / page).read_text(), re.S)
    (found,) = (each for each in blocks if each.startswith(beginning))
    return str(found)


INSTALL = block("install.md", "apt-get install python3-venv")
UPGRADE = block("upgrade.md", "python3 -m venv")
ONCE = block("upgrade.md", "mv /opt/resolverd ")


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """One of its own."""
    return Host(tmp_path)


def test_what_is_upgraded_runs_the_new_version_and_rolled_back_the_old(host: Host) -> None:
    assert host.run(INSTALL) == 0
    assert host.version == "resolverd-2.0"
    assert host.run(UPGRADE) == 0
    assert host.restarted == "resolverd-2.1"
    units = host.root / "etc/systemd/system"
    assert {each.name for each in units.iterdir()} == {
        "resolverd.service",
        "resolverd.socket",
        "resolverd-anycast.service",
        "resolverd-anycast-stop.service",
    }
    (back,) = re.findall(r"`(ln -sfT [^`]+)`", (DOCS / "upgrade.md").read_text())
    assert host.run(back) == 0
    assert host.version == "resolverd-2.0"


def test_a_version_in_the_place_of_the_link_is_not_upgraded_unsaid(host: Host) -> None:
    assert host.run("python3 -m venv /opt/resolverd") == 0
    assert host.run(UPGRADE) == 1
    assert not (host.root / "systemctl").exists(), "nothing was restarted"
    assert host.run(ONCE) == 0
    assert host.version == "resolverd-2.0"
    assert host.run(UPGRADE) == 0
    assert host.restarted == "resolverd-2.1"
