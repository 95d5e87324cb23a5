"""The manual: a page for each verb, which man, groff and mandoc read without a word."""

from __future__ import annotations

import argparse
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from harness.programs import program

from docs.manual import completion_files, date, pages
from resolverd.cli import parser
from resolverd.config.reference import TABLES

DAY = "2026-01-02"
# Options that are tables, and are described as such.
TABLES_OF_THEIR_OWN = {"probe", "alerts", "rtt", "bird", "exabgp"}


@pytest.fixture(scope="module")
def manual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with all pages."""
    folder = tmp_path_factory.mktemp("man")
    for name, text in pages(DAY).items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def shown(manual: Path) -> Mapping[str, str]:
    """Each page as man shows it, on lines that are not broken; its warnings fail the test."""
    return {path.name: _shown(path) for path in manual.iterdir()}


def _shown(path: Path) -> str:
    ran = subprocess.run(
        [program("man"), "--warnings", "--encoding=UTF-8", "--local-file", path],
        capture_output=True, text=True, timeout=60, check=True,
        env={"PATH": "/usr/bin:/bin", "MANWIDTH": "2000", "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    assert ran.stderr == "", path.name
    return re.sub(r".\x08", "", ran.stdout)


def _actions(of: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in of._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from _actions(inner)
        else:
            yield action


def _verbs() -> dict[str, argparse.ArgumentParser]:
    (verbs,) = (a for a in parser([])._actions if isinstance(a, argparse._SubParsersAction))
    return dict(verbs.choices)


def test_each_verb_has_a_page_and_the_configuration_has_one(manual: Path) -> None:
    wanted = {"resolverd.1", "resolverd.toml.5", *(f"resolverd-{verb}.1" for verb in _verbs())}
    assert {path.name for path in manual.iterdir()} == wanted


def test_mandoc_finds_nothing_not_even_of_style(manual: Path) -> None:
    for path in sorted(manual.iterdir()):
        ran = subprocess.run(
            [program("mandoc"), "-Tlint", "-Wstyle", path], capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip
        assert (ran.returncode, ran.stdout + ran.stderr) == (0, ""), path.name


def test_every_option_of_every_use_is_on_the_verbs_page(shown: Mapping[str, str]) -> None:
    for verb, of in _verbs().items():
        page = " ".join(shown[f"resolverd-{verb}.1"].split())
        for action in _actions(of):
            for option in action.option_strings:
                assert re.search(rf"(?<![-\w]){option}\b", page), (verb, option)
            if action.help:
                said = (action.help % {"default": action.default}).replace("`", "")
                assert " ".join(said.split()) in page


def test_a_page_has_the_examples_and_the_exit_codes_of_the_help(shown: Mapping[str, str]) -> None:
    assert (
        'resolverd override eu-west drain --for 30m --why "kernel update"'
        in shown["resolverd-override.1"]
    )
    for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES", "EXIT STATUS"):
        assert re.search(rf"^{section}$", shown["resolverd-override.1"], re.M), section
    assert "RESOLVERD GEO FETCH" in shown["resolverd-geo.1"]
    assert "130  interrupted" in shown["resolverd.1"]


def test_whatis_has_its_line(manual: Path) -> None:
    for path in sorted(manual.iterdir()):
        said = subprocess.run(
            [program("lexgrog"), path], capture_output=True, text=True, timeout=60, check=True
        ).stdout
        assert re.search(rf': "{re.escape(path.stem)} - \S', said), said


def test_every_option_of_the_configuration_is_on_its_page(shown: Mapping[str, str]) -> None:
    page = " ".join(shown["resolverd.toml.5"].split())
    for title, model in TABLES:
        assert title.upper() in page
        for name, field in model.model_fields.items():
            assert re.search(rf"(?<!\w){name}(?!\w)", page), name
            if field.description and "probe" not in title:
                plain = field.description.replace("`", "")
                assert " ".join(plain.split()) in page or name in TABLES_OF_THEIR_OWN


def test_two_runs_give_the_same_octets_of_the_day_of_the_commit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert date() == "1970-01-02"
    assert pages(DAY) == pages(DAY)
    assert completion_files() == completion_files()
    assert set(completion_files()) == {"resolverd.bash", "_resolverd", "resolverd.fish"}
