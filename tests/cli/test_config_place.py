"""Where the configuration is found: what `--config` names, else here, else the installed one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from harness.places import TOKYO, write_city_database

from resolverd.cli import main, options
from resolverd.cli.check import FIRST_CONFIG, FIRST_ZONE

# Each verb that reads a configuration, with the rest of a right command line.
VERBS = {
    "serve": [],
    "check": [],
    "doctor": [],
    "state": [],
    "explain": ["chat.inference.example", "203.0.113.7"],
    "drain": ["us-east", "--why", "kernel"],
    "override": ["us-east", "up", "--why", "kernel"],
    "rollout": ["chat", "--to", "2", "--command", "true"],
    "reload": [],
    "publish": ["--list"],
    "demo": [],
}


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory to stand in, empty; the file that stands for the installed one is returned."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    path = tmp_path / "etc" / "resolverd.toml"
    monkeypatch.setattr(options, "PLACES", (Path("resolverd.toml"), path))
    return path


def _write(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "resolverd.toml").write_text(FIRST_CONFIG)
    (folder / "inference.zone").write_text(FIRST_ZONE)


@pytest.mark.parametrize("verb", VERBS)
def test_one_that_is_named_and_is_not_there_ends_every_verb_alike(
    installed: Path, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _write(installed.parent)
    assert main([verb, *VERBS[verb], "--config", "nope.toml"]) == 1
    assert capsys.readouterr().err.startswith(
        "nope.toml: config-unreadable: there is no such file\n    hint: name one that is there "
    )


@pytest.mark.parametrize("verb", ["serve", "check", "explain"])
def test_a_verb_that_needs_one_says_where_it_looked(
    installed: Path, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([verb, *VERBS[verb]]) == 1
    said = capsys.readouterr().err
    assert f"resolverd.toml: config-unreadable: there is no such file here, nor {installed}" in said


def test_a_directory_is_no_configuration(
    installed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["state", "--config", "."]) == 2
    assert main(["state", "--config", str(installed.parents[1])]) == 1
    assert "it is a directory" in capsys.readouterr().err


def test_the_one_here_goes_before_the_installed_one(
    installed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _write(installed.parent)
    (installed.parent / "state").mkdir()
    write_city_database(installed.parent / "city.mmdb", {"1.0.0.0/8": TOKYO})
    installed.write_text(
        FIRST_CONFIG.replace("[server]", '[server]\nstate = "state"\ngeoip = ["city.mmdb"]')
    )
    fragments = installed.with_suffix(".d")
    fragments.mkdir()
    (fragments / "eu.toml").write_text(
        "[region.eu]\ncoordinates = [50, 8]\n[[region.eu.endpoint]]\n"
        'address = ["192.0.2.20"]\nurl = "http://192.0.2.20"\n'
        '[service.chat]\nregions = ["eu"]\n'
    )
    # The zones, the databases, the fragments and the state of the installed one are beside it.
    assert main(["check"]) == 0
    assert capsys.readouterr().out.startswith(
        f"{installed}: good: 1 zone, 1 service, 2 regions, 2 probes"
    )
    main(["doctor", "--json"])
    assert json.loads(capsys.readouterr().out)["config"] == str(installed)
    _write(Path.cwd())
    assert main(["check"]) == 0
    assert capsys.readouterr().out.startswith("resolverd.toml: good: 1 zone, 1 service, 1 region")
