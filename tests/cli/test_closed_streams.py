"""A reader who leaves, at every verb: its status stays, and nothing is said of it."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.command import ROOT, TIMEOUT, environment
from harness.trials import trials

from resolverd.cli import parser

FULL = Path("/dev/full")


def _verbs(parser: argparse.ArgumentParser, *above: str) -> Iterator[tuple[str, ...]]:
    """Every verb, and every use of a verb that has some, from the parser itself."""
    yield above
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, child in action.choices.items():
                yield from _verbs(child, *above, name)


VERBS = [*_verbs(parser([]))]
# Each is a process or some, and what is held of them is in one place: a part of them is tried.
SOME, FEW = slice(None, None, trials(8, 1)), slice(None, None, trials(16, 1))


def _ended(
    place: Path, arguments: tuple[str, ...], *, out: bool = True, err: bool = True
) -> tuple[int, bytes, bytes]:
    """The status and the output of a command; a stream that is not open has lost its reader."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "resolverd", *arguments],
            cwd=place, env=environment(), stdin=subprocess.DEVNULL, timeout=TIMEOUT, check=False,
            stdout=subprocess.PIPE if out else writing, stderr=subprocess.PIPE if err else writing,
        )  # fmt: skip
    finally:
        os.close(writing)
    return ended.returncode, ended.stdout or b"", ended.stderr or b""


def test_the_environment_of_these_tests_buffers_output() -> None:
    assert "PYTHONUNBUFFERED" not in environment()
    assert len(VERBS) > 14


@pytest.mark.parametrize("verb", VERBS[SOME], ids=" ".join)
def test_help_without_a_reader_is_no_error(verb: tuple[str, ...], tmp_path: Path) -> None:
    assert _ended(tmp_path, (*verb, "--help"), out=False) == (0, b"", b"")


@pytest.mark.parametrize("verb", VERBS[FEW], ids=" ".join)
def test_a_wrong_command_line_says_so_by_its_status_to_nobody(
    verb: tuple[str, ...], tmp_path: Path
) -> None:
    assert _ended(tmp_path, (*verb, "--nonsense"), out=False, err=False)[0] == 2


# What each leaves as its status with both readers there, and must without.
COMMANDS = [
    ("--version",),
    ("geo",),
    ("check",),
    ("check", "--json"),
    ("check", "--set", "server.workers=-1"),
    ("check", "--set", "server.workers=-1", "--json"),
    ("check", "--config", "nothing.toml"),
    ("template",),
    ("template", "--json"),
    ("explain", "chat.inference.example", "1.2.3.4", "--offline"),
    ("explain", "chat.inference.example", "1.2.3.4", "--offline", "--json"),
    ("geo", "lookup", "1.2.3.4"),
    ("geo", "lookup", "1.2.3.4", "--json"),
    ("doctor", "--json"),
    ("state",),
    ("state", "--json"),
    ("reload",),
    ("override", "us-east", "drain", "--why", "test"),
    ("clear", "us-east"),
    ("drain", "us-east"),
    ("serve", "--set", 'server.listen=["192.0.2.1:0"]'),
]


@pytest.mark.parametrize("command", COMMANDS[:: trials(3, 1)], ids=" ".join)
def test_a_verb_has_the_status_that_it_has_with_a_reader(
    command: tuple[str, ...], place: Path
) -> None:
    status, out, err = _ended(place, command)
    assert out or err
    assert _ended(place, command, out=False)[0] == status
    assert _ended(place, command, out=False, err=False)[0] == status


def test_the_demo_ends_when_nobody_watches_it(tmp_path: Path) -> None:
    demo = ("demo", "--stay", "--port", "0", "--json", "--config", f"{ROOT}/resolverd.toml")
    assert _ended(tmp_path, demo, out=False)[::2] == (0, b"")


def test_a_stream_closed_from_the_start_takes_nothing(place: Path) -> None:
    run = '"$0" -m resolverd check --json >&- 2>&- <&-'
    ended = subprocess.run(
        ["sh", "-c", run, sys.executable], cwd=place, env=environment(), check=False,
        timeout=TIMEOUT,
    )  # fmt: skip
    assert ended.returncode == 0


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
@pytest.mark.parametrize("command", [("template",), ("check",), ("state", "--help")], ids=" ".join)
def test_output_that_a_full_disk_refuses_is_an_error(command: tuple[str, ...], place: Path) -> None:
    with FULL.open("wb") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "resolverd", *command], cwd=place, env=environment(),
            stdout=full, stderr=subprocess.PIPE, timeout=TIMEOUT, check=False,
        )  # fmt: skip
    assert ended.returncode == 3
    said = ended.stderr.splitlines()[-1]  # what `check` warns of is before it
    assert said == b"resolverd: the output cannot be written: No space left on device"
