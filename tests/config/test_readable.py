"""A single option of a main file, whatever is wrong with the rest of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from resolverd.config.readable import said, tables_read


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


def test_of_two_overrides_the_last_counts(tmp_path: Path) -> None:
    twice = [("anycast.socket", "a"), ("anycast.socket", "b")]
    assert said(tmp_path / "resolverd.toml", "anycast", "socket", twice) == "b"
