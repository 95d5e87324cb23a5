"""An installed `resolverd` is started by a link on PATH, and reads fragments (docs/install.md)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from harness.config import config_text
from harness.server import HEAD

INSTALLED = Path(sys.executable).with_name("resolverd")
MORE = """\
[region.sa-east]
coordinates = [-23.5, -46.6]
[[region.sa-east.endpoint]]
address = ["203.0.113.200", "2001:db8::c8"]
url = "http://sae.example"
[service.chat]
regions = ["sa-east"]
"""


def check(folder: Path) -> tuple[int, str]:
    """`resolverd check` of the configuration there, by a link on PATH, with a bare environment."""
    (folder / "bin").mkdir(exist_ok=True)
    link = folder / "bin" / "resolverd"
    if not link.exists():
        link.symlink_to(INSTALLED)
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    done = subprocess.run(
        ["resolverd", "check", "--config", str(folder / "etc" / "resolverd.toml")],
        cwd=elsewhere,
        env={"PATH": os.pathsep.join([str(folder / "bin"), "/usr/bin", "/bin"])},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A configuration in etc/, with a zone and a directory of fragments."""
    (tmp_path / "etc" / "zones").mkdir(parents=True)
    (tmp_path / "etc" / "resolverd.d").mkdir()
    text = config_text(server='zones = ["zones/*.zone"]')
    (tmp_path / "etc" / "resolverd.toml").write_text(text)
    zone = f"$ORIGIN inference.example.\n{HEAD}chat 60 DYNA chat\n"
    (tmp_path / "etc" / "zones" / "a.zone").write_text(zone)
    return tmp_path


def test_a_link_on_path_starts_it_from_any_directory(place: Path) -> None:
    status, said = check(place)
    assert status == 0, said
    assert "4 regions" in said


@pytest.mark.parametrize(
    ("name", "text", "status", "said"),
    [
        ("50-sa-east.toml", MORE, 0, "5 regions"),
        (".50-sa-east.toml", MORE, 0, "4 regions"),
        ("50-sa-east.toml.new", MORE, 0, "4 regions"),
        ("60.toml", "[server]\nttl_floor = 1\n", 1, "config-fragment-table"),
        ("60.toml", "[region.us-east]\ncoordinates = [1, 2]\n", 1, "config-said-twice"),
    ],
)
def test_fragments_add_and_replace_nothing(
    place: Path, name: str, text: str, status: int, said: str
) -> None:
    (place / "etc" / "resolverd.d" / name).write_text(text)
    got, output = check(place)
    assert got == status, output
    assert said in output
