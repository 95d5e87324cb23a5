"""A text that several parts of a start look into is parsed once, and none changes it for others."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from harness.config import CHAT, config_text

from resolverd.config import toml_text
from resolverd.config.load import load_config
from resolverd.config.published import published_fleet
from resolverd.kept.locate import state_path

TEXT = 'name = "a"\n[table]\nlist = [1, [2]]\n'


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is parsed from now on, nothing being known before."""
    parsed: list[str] = []
    loads = tomllib.loads

    def counted(text: str) -> object:
        parsed.append(text)
        return loads(text)

    monkeypatch.setattr(toml_text._Last, "known", None)
    monkeypatch.setattr(tomllib, "loads", counted)
    return parsed


def test_the_parts_of_a_start_parse_a_configuration_once(tmp_path: Path, texts: list[str]) -> None:
    path = tmp_path / "resolverd.toml"
    path.write_text(config_text(CHAT))
    for _ in range(2):
        state_path(path, ())
        published_fleet(path, [("server.state", "elsewhere")])
    assert load_config(path).config.server.state != "elsewhere"
    assert texts.count(path.read_text()) == 1


def test_a_tree_is_the_callers_own(texts: list[str]) -> None:
    tree = toml_text.parsed(TEXT)
    tree["table"]["list"][1].append(3)
    del tree["name"]
    assert toml_text.parsed(TEXT) == toml_text.taken(TEXT) == tomllib.loads(TEXT)


def test_what_was_taken_is_remembered_no_longer(texts: list[str]) -> None:
    toml_text.parsed(TEXT)
    toml_text.taken(TEXT)
    toml_text.taken(TEXT)
    assert texts == [TEXT, TEXT]


def test_another_text_is_parsed_anew(texts: list[str]) -> None:
    assert toml_text.parsed(TEXT) != toml_text.parsed("")
    assert toml_text.taken(TEXT) == toml_text.parsed(TEXT)


@pytest.mark.usefixtures("texts")
def test_a_text_that_is_no_toml_is_refused_each_time() -> None:
    for parse in (toml_text.parsed, toml_text.parsed, toml_text.taken):
        with pytest.raises(tomllib.TOMLDecodeError):
            parse("a = ")
