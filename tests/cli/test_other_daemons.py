"""The verbs where a daemon is there that hangs, or that is of an older release."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli.cli_place import SERVICES, write_place
from cli.command import resolverd
from cli.live import ADMIN
from harness.config import config_text

from resolverd.cli import link, reload, spill


@pytest.fixture
def hung(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place whose daemon takes connections, and answers none."""
    write_place(tmp_path)
    (tmp_path / "resolverd.toml").write_text(config_text(SERVICES, admin=ADMIN))
    monkeypatch.setattr(link, "LOOK_TIMEOUT", 0.2)
    with socket.socket(socket.AF_UNIX) as hanging:
        hanging.bind(str(tmp_path / "admin.sock"))
        hanging.listen()
        yield tmp_path


@pytest.mark.parametrize(
    "command",
    [("state", "--problems"), ("explain", "chat.inference.example.", "198.51.100.7")],
)
def test_a_daemon_that_hangs_is_given_up_soon(hung: Path, command: tuple[str, ...]) -> None:
    ran = resolverd(*command, cwd=hung)
    assert (ran.status, ran.out) == (3, "")
    assert "gives no answer: timed out" in ran.err
    assert ("--files" in ran.err) == (command[0] == "explain")


def test_the_files_of_a_daemon_that_hangs_can_be_explained(hung: Path) -> None:
    ran = resolverd("explain", "chat.inference.example.", "198.51.100.7", "--files", cwd=hung)
    assert ran.status == 0, ran.err


def test_the_doctor_finds_that_a_daemon_hangs(hung: Path) -> None:
    ran = resolverd("doctor", "--only", "endpoint", "--json", cwd=hung)
    document = ran.json()
    assert (ran.status, document["worst"]) == (0, "warning")
    (finding,) = document["findings"]
    assert "admin.sock gives no answer" in finding["seen"]


class _Answering:
    """A daemon that answers every order with the same document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document

    def post(self, *_: object) -> dict[str, Any]:
        """The document."""
        return self._document


_RELOADED: dict[str, Any] = {"problems": [], "changed": None, "outdated": [], "warnings": []}


def test_an_older_daemon_s_reload_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = _Answering({"generation": 3, "reload": _RELOADED})
    monkeypatch.setattr(reload, "find", lambda _: daemon)
    ran = resolverd("reload", "--json", cwd=tmp_path)
    assert (ran.status, ran.json()["needs_restart"]) == (0, [])


@pytest.mark.parametrize(
    ("others", "says"),
    [
        ({}, "solo has no other region: what eu-west sends on stays there"),
        ({"us-east": {"under_rule": True}}, "every other region of solo is under a spill rule too"),
        ({"us-east": {"under_rule": False}}, "no region has room for what eu-west sends on"),
        ({"us-east": {}}, "no region has room for what eu-west sends on"),
    ],
)
def test_a_spill_that_nobody_takes_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, others: dict[str, Any], says: str
) -> None:
    """The last is the answer of an older daemon, which does not say which regions have rules."""
    regions = {
        "eu-west": {"spill_ratio": 0.3, "accept_ratio": 0.0, "under_rule": True},
        **{
            name: {"spill_ratio": 0.0, "accept_ratio": 0.0, **more} for name, more in others.items()
        },
    }
    rule = {
        "service": "solo",
        "region": "eu-west",
        "share": 0.3,
        "until": None,
        "seconds_left": None,
    }
    daemon = _Answering({"set": rule, "regions": regions})
    monkeypatch.setattr(spill, "find", lambda _: daemon)
    ran = resolverd("spill", "solo", "--region", "eu-west", "30%", "--why", "x", cwd=tmp_path)
    assert ran.status == 0
    assert says in " ".join(ran.err.split())
    assert "undo: resolverd spill solo --region eu-west auto" in ran.out
