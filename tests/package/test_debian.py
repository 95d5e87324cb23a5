"""debian/ keeps in step with what it packages; what is built of it is tried by `make deb-test`."""

from __future__ import annotations

import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from package.roots import ROOT

from release.deb import changelog, debian_version
from release.environment import depends
from release.packaged import UNITS, unit

DEBIAN = ROOT / "debian"
BOOKWORM = {"ID": "debian", "VERSION_ID": "12", "VERSION_CODENAME": "bookworm"}
TRIXIE = {"ID": "debian", "VERSION_ID": "13", "VERSION_CODENAME": "trixie"}
_OURS = ("ExecStart=", "ExecStopPost=", "ExecReload=", "ListenDatagram=", "ListenStream=")
_OF_CHECKOUTS = ("upgrade.md", "kubernetes.md")


def _directives(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("name", UNITS)
def test_a_packaged_unit_has_the_directives_of_the_shipped_one(name: str) -> None:
    shipped = (ROOT / "systemd" / name).read_text()
    packaged = unit(shipped)
    kept = [line for line in _directives(shipped) if not line.startswith(_OURS)]
    assert [line for line in _directives(packaged) if not line.startswith(_OURS)] == kept
    assert "/opt/" not in packaged
    for line in _directives(packaged):
        if line.startswith("Exec"):
            assert line.split("=", 1)[1].startswith(("/usr/bin/resolverd ", "/bin/sh -c "))
    assert shipped.count("\nExec") == packaged.count("\nExec")


def test_the_packaged_socket_takes_no_port_that_others_use() -> None:
    socket = unit((ROOT / "systemd" / "resolverd.socket").read_text())
    listens = sorted(line for line in _directives(socket) if line.startswith("Listen"))
    assert listens == [
        "ListenDatagram=127.0.0.1:5300",
        "ListenDatagram=[::1]:5300",
        "ListenStream=127.0.0.1:5300",
        "ListenStream=[::1]:5300",
    ]


@pytest.mark.parametrize("listed", ["resolverd-common.docs", "resolverd-common.examples"])
def test_every_listed_file_is_there(listed: str) -> None:
    """And is no symbolic link, which would be packaged as one and lead nowhere."""
    for pattern in (DEBIAN / listed).read_text().split():
        found = list(ROOT.glob(pattern))
        assert found, pattern
        assert not [path for path in found if path.is_symlink()], pattern


@pytest.mark.parametrize(
    "path", sorted(DEBIAN.glob("*.p[or]*[st]*")), ids=lambda path: str(path.name)
)
def test_a_maintainer_script_is_sound_and_lets_debhelper_have_its_part(path: Path) -> None:
    text = path.read_text()
    assert text.startswith("#!/bin/sh\n")
    assert "\nset -e\n" in text
    assert "\n#DEBHELPER#\n" in text
    checks = [["sh", "-n", str(path)]]
    if shutil.which("shellcheck"):
        checks.append(["shellcheck", "--shell=sh", str(path)])
    for check in checks:
        said = subprocess.run(check, capture_output=True, text=True, check=False)
        assert (said.returncode, said.stdout + said.stderr) == (0, "")


def test_a_purge_removes_the_state_of_every_packaged_unit(tmp_path: Path) -> None:
    """And nothing of another's; a dynamic account keeps its own below /var/lib/private."""
    units = [(ROOT / "systemd" / name).read_text() for name in UNITS]
    states = {state for text in units for state in re.findall(r"\nStateDirectory=(\S+)", text)}
    assert len(states) == 3
    remove = tmp_path / "rm"
    remove.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/removed\n')
    remove.chmod(0o755)
    path = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    for action in ("remove", "upgrade", "purge"):
        assert not (tmp_path / "removed").exists()
        subprocess.run(["sh", DEBIAN / "resolverd.postrm", action], env=path, check=True)
    removed = set((tmp_path / "removed").read_text().split()) - {"-rf"}
    both = {f"/var/lib/{private}{state}" for state in states for private in ("", "private/")}
    assert {f"/var/lib/{state}" for state in states} <= removed <= both


def test_a_page_names_the_packaged_program_where_it_names_that_of_a_checkout() -> None:
    """But for upgrades, which apt does, and for `resolverd kube`, which the packages cannot run."""
    pages = [path for path in ROOT.glob("docs/*.md") if path.name not in _OF_CHECKOUTS]
    texts = {path.name: path.read_text() for path in pages}
    named = {name for name, text in texts.items() if "/opt/resolverd/bin/resolverd" in text}
    assert {name for name in named if "/usr/bin/resolverd" not in texts[name]} == set()


def test_no_maintainer_script_reaches_for_the_network() -> None:
    scripts = [path.read_text() for path in DEBIAN.glob("*.p[or]*")]
    assert len(scripts) == 4
    for word in ("http", "curl", "wget", "apt", "pip "):
        assert not any(word in text for text in scripts), word


@pytest.mark.parametrize(
    ("released", "expected"),
    [
        ("0.1.0", "0.1.0+deb12"),
        ("0.2.0rc1", "0.2.0~rc1+deb12"),
        ("0.2.0.dev3", "0.2.0~dev3+deb12"),
    ],
)
def test_the_version_is_that_of_the_release_and_names_the_debian(
    released: str, expected: str
) -> None:
    assert debian_version(released, BOOKWORM) == expected


@pytest.mark.skipif(not shutil.which("dpkg"), reason="there is no dpkg to judge by")
def test_versions_are_in_the_order_of_releases_and_then_of_debians() -> None:
    rising = [
        debian_version("0.1.0", BOOKWORM),
        debian_version("0.1.0", TRIXIE),
        debian_version("0.2.0.dev3", BOOKWORM),
        debian_version("0.2.0rc1", TRIXIE),
        debian_version("0.2.0", BOOKWORM),
    ]
    for lower, higher in pairwise(rising):
        subprocess.run(["dpkg", "--compare-versions", lower, "lt", higher], check=True)


def test_the_changelog_says_what_was_built_of_which_commit() -> None:
    text = changelog("0.1.0", TRIXIE, maintainer="A B <a@b.example>", epoch=1795981764)
    assert text.startswith("resolverd (0.1.0+deb13) trixie; urgency=medium\n\n  * Release 0.1.0")
    assert text.endswith("\n\n -- A B <a@b.example>  Sun, 29 Nov 2026 19:49:24 +0000\n")


def test_it_depends_on_the_python_that_its_extensions_are_for() -> None:
    assert depends(3, 11) == "python3 (>= 3.11), python3 (<< 3.12)"
