"""What speaks to NATS is installed with an edge; where it is not, whoever needs it says how to."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from cli.cli_place import SERVER, SERVICES, write_place
from cli.command import environment, resolverd
from harness.config import config_text
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from release.notices import locked
from resolverd.doctor.fleet import fleet
from resolverd.fleet.installed import command_for, install_command

ROOT = Path(__file__).parents[2]
LOCK, DEV_LOCK = ROOT / "requirements.lock", ROOT / "requirements-dev.lock"
URLS = '[fleet]\nurls = ["nats://127.0.0.1:1"]\n'
PUBLISHED = f'[server]\nstate = "state"\n{URLS}configuration = "published"\n'
ANYCAST = '[anycast]\naddresses = ["192.0.2.53"]\nvia = "exabgp"\nmin_edges = 1\n'
WITHOUT_NATS = "import sys; sys.modules['nats'] = sys.modules['nats.aio.client'] = None; "
VERB = f"{WITHOUT_NATS}from resolverd.cli import main; sys.exit(main(sys.argv[1:]))"


def edge(services: str) -> str:
    """The configuration of one."""
    return config_text(services, server=SERVER)


def place(folder: Path, text: str) -> Path:
    """A directory with a configuration, a zone and a database."""
    write_place(folder)
    (folder / "resolverd.toml").write_text(text)
    return folder


@pytest.mark.parametrize(
    ("verb", "text", "status"),
    [
        (["serve"], edge(SERVICES + URLS), 3),
        (["serve"], PUBLISHED, 3),
        (["publish", "--note", "a test"], edge(SERVICES + URLS), 3),
        (["publish", "--list"], edge(SERVICES + URLS), 3),
        (["anycast"], edge(SERVICES + URLS + ANYCAST), 3),
        (["doctor", "--only", "fleet"], edge(SERVICES + URLS), 1),
        (["doctor", "--only", "fleet"], PUBLISHED, 1),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_who_needs_it_and_has_it_not_says_how_to_install_it(
    tmp_path: Path, verb: list[str], text: str, status: int
) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", VERB, *verb],
        cwd=place(tmp_path, text),
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = ran.stdout + ran.stderr
    assert (ran.returncode, "Traceback" in said) == (status, False), said
    assert "nats-py" in said
    assert install_command() in said


@pytest.mark.parametrize(
    ("python", "pip", "command"),
    [
        ("/opt/r/bin/python", True, "/opt/r/bin/python -m pip install 'resolverd[fleet]'"),
        ("/opt/r d/python", True, "'/opt/r d/python' -m pip install 'resolverd[fleet]'"),
        ("/opt/r d/python", False, "uv pip install --python '/opt/r d/python' 'resolverd[fleet]'"),
    ],
)
def test_the_command_is_for_this_environment_whether_it_has_pip_or_not(
    python: str, pip: bool, command: str
) -> None:
    found = command_for(python, pip=pip)
    assert shlex.split(found, comments=True) == shlex.split(command)


def test_an_edge_without_a_fleet_needs_it_not(tmp_path: Path) -> None:
    program = f"{WITHOUT_NATS}from resolverd.cli import main; sys.exit(main(['check']))"
    command = [sys.executable, "-c", program]
    ran = subprocess.run(
        command,
        cwd=place(tmp_path, edge(SERVICES)),
        env=environment(),
        capture_output=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert fleet((), "whatever").level == "ok"


def test_the_doctor_finds_it_here(tmp_path: Path) -> None:
    ran = resolverd(
        "doctor", "--json", "--only", "fleet", cwd=place(tmp_path, edge(SERVICES + URLS))
    )
    (found,) = ran.json()["findings"]
    assert (ran.status, found["level"]) == (0, "ok")


def test_what_is_installed_from_the_lock_file_is_a_whole_edge() -> None:
    """As docs/install.md has it; the container and the Debian package are made of it too."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["fleet"]]
    versions = {canonicalize_name(name): version for name, version in locked(LOCK.read_text())}
    for each in map(Requirement, needed):
        if each.marker is None or each.marker.evaluate():
            assert each.specifier.contains(versions[canonicalize_name(each.name)]), each
    for made_of_it in ("Containerfile", "release/environment.py", "release/deb.py", "Makefile"):
        assert any(map(_installs_the_lock_file, _commands((ROOT / made_of_it).read_text())))


@pytest.mark.parametrize(
    ("text", "installs"),
    [
        ("pip install --require-hashes -r requirements.lock\n", True),
        (
            "RUN pip install \\\n --require-hashes \\\n -r /tmp/requirements.lock \\\n && true\n",
            True,
        ),
        ('run([*pip, "--require-hashes", "-r", "requirements.lock"])\n', True),
        ("pip install --require-hashes -r requirements-dev.lock\n", False),
        ("pip install --require-hashes -r a.lock\ncp requirements.lock /tmp\n", False),
        ("pip install --require-hashes -r a.lock && cp requirements.lock /tmp\n", False),
    ],
)
def test_the_lock_file_is_installed_where_one_command_does_it(text: str, installs: bool) -> None:
    assert any(map(_installs_the_lock_file, _commands(text))) == installs


def test_tests_run_with_the_versions_that_are_installed() -> None:
    """And `make .venv/.dev` installs both files into one environment."""
    tried = dict(locked(DEV_LOCK.read_text()))
    for name, version in locked(LOCK.read_text()):
        assert tried[name] == version, name


def _commands(text: str) -> list[str]:
    """Those that a file of them has, a line each, whatever lines each is continued on."""
    return re.split(r"\n|&&", text.replace("\\\n", " "))


def _installs_the_lock_file(command: str) -> bool:
    """Whether it does, and nothing else than what the file has."""
    return re.search(r"--require-hashes.*\brequirements\.lock", command) is not None


@pytest.mark.parametrize(
    ("text", "fragment", "level", "says"),
    [
        (edge(SERVICES), "", "ok", "decides alone"),
        (edge(SERVICES), URLS, "advice", "unknown"),
        ("[server]\nlisten = \n" + URLS, "", "advice", "unknown"),
        (URLS + "[server]\nlisten = \n", "", "ok", "nats-py can be loaded"),
        ("[fleet]\nurls = [nats://a:4222]\n", "", "advice", "unknown"),
        ("[fleet]\nurls = \n", "", "advice", "unknown"),
        ('[fleet]\nname = "fra1"\nurls = ["nats://a:4222"\n', "", "advice", "unknown"),
        ('[fleet]\nurls = ["nats://a:4222"\n[server]\n', "", "advice", "unknown"),
    ],
    ids=[
        "none",
        "in a fragment",
        "below a mistake",
        "above one",
        "no text",
        "nothing",
        "not closed",
        "not closed above others",
    ],
)
def test_the_doctor_does_not_call_well_what_it_cannot_tell(
    tmp_path: Path, text: str, fragment: str, level: str, says: str
) -> None:
    folder = place(tmp_path, text)
    if fragment:
        (folder / "resolverd.d").mkdir()
        (folder / "resolverd.d/fleet.toml").write_text(fragment)
    ran = resolverd("doctor", "--json", "--only", "fleet", cwd=folder)
    (found,) = ran.json()["findings"]
    assert found["level"] == level
    assert says in found["seen"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[server]\nlisten = \n" + URLS, "resolverd.toml:2:10: config-syntax"),
        ("[fleet]\nurls = \n", "resolverd.toml:2:8: config-syntax"),
        ("[server]\nlisten = 5\n", "resolverd.toml:2:10: config-"),
    ],
)
def test_who_publishes_a_wrong_file_hears_what_is_wrong_with_it(
    tmp_path: Path, text: str, said: str
) -> None:
    ran = resolverd("publish", "--list", cwd=place(tmp_path, text))
    assert ran.status == 1
    assert said in ran.err
