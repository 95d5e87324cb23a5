"""Where no uplink can be cut, it is said why, and nothing of what was begun is left."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from uplink import why_not

from bench.fleet.lab.namespaces import PREFIX, Namespace

NEEDED = {"ip": "ip(8)", "nsenter": "nsenter(1)", "setpriv": "setpriv(1)"}
# In place of ip(8): it notes what it is asked for, and nothing inside a namespace succeeds.
REFUSING = '#!/bin/sh\necho "$*" >> "$0.log"\n[ "$1" = netns ]\n'


def only(folder: Path, monkeypatch: pytest.MonkeyPatch, programs: dict[str, str]) -> None:
    """Have no other programs than these."""
    for name, text in programs.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


@pytest.mark.parametrize("lacking", NEEDED)
def test_a_program_that_a_namespace_needs_and_is_not_here_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacking: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    here = dict.fromkeys(NEEDED.keys() - {lacking}, "#!/bin/sh\n")
    only(tmp_path, monkeypatch, here)
    assert why_not() == f"there is no {NEEDED[lacking]} here"


def test_a_namespace_that_cannot_be_set_up_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(tmp_path, monkeypatch, {"ip": REFUSING})
    with pytest.raises(subprocess.CalledProcessError):
        Namespace("e1")
    name = f"{PREFIX}-{os.getpid()}-e1"
    asked = (tmp_path / "ip.log").read_text().splitlines()
    assert asked == [f"netns add {name}", f"-n {name} -batch -", f"netns del {name}"]
