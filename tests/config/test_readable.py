"""A single option of a main file, whatever is wrong with the rest of it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from resolverd.config.published import published_fleet
from resolverd.config.readable import said, tables_of_whole, tables_read
from resolverd.geo import preload


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('[anycast]\nsocket = "a"\n', "a"),
        ('\ufeff[anycast]\nsocket = "a"\n', "a"),
        ('[anycast]\nsocket = "a"\n]\n', "a"),
        ('[anycast]\nsocket = "a"\nlist = [\n1,\n', "a"),
        (']\n[anycast]\nsocket = "a"\n', None),
        ("[anycast]\nsocket = 3\n", 3),
        ("anycast = 3\n", None),
        ("[anycast]\n", None),
        ("", None),
    ],
)
def test_what_the_file_says_above_its_first_mistake(text: str, value: Any, tmp_path: Path) -> None:
    path = tmp_path / "resolverd.toml"
    path.write_text(text, encoding="utf-8")
    assert said(path, "anycast", "socket") == value
    assert said(path, "anycast", "socket", [("anycast.socket", "b"), ("anycast.via", "c")]) == "b"


def test_a_file_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "resolverd.toml"
    assert said(path, "anycast", "socket") is None
    assert tables_read(path) == ({}, False)
    assert tables_of_whole(path) is None


def test_a_file_that_is_not_utf_8_says_what_can_be_read_and_is_not_whole(tmp_path: Path) -> None:
    path = tmp_path / "resolverd.toml"
    path.write_bytes(b'# Z\xfcrich\n[server]\nstate = "s"\n')
    assert tables_read(path) == ({"server": {"state": "s"}}, False)
    assert tables_of_whole(path) is None


def test_who_wants_all_or_nothing_does_not_look_above_a_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a large file that is 200 times as much work."""
    path = tmp_path / "resolverd.toml"
    path.write_text("[server]\n" + "a = [\n" * 300, encoding="utf-8")
    parses: list[str] = []
    loads = tomllib.loads

    def counted(text: str) -> dict[str, Any]:
        parses.append(text)
        return loads(text)

    monkeypatch.setattr(tomllib, "loads", counted)
    assert tables_of_whole(path) is None
    assert published_fleet(path) is None
    preload.begin(path, [])
    assert len(parses) == 3


def test_of_two_overrides_the_last_counts(tmp_path: Path) -> None:
    twice = [("anycast.socket", "a"), ("anycast.socket", "b")]
    assert said(tmp_path / "resolverd.toml", "anycast", "socket", twice) == "b"
