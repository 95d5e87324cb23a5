"""One text read several times: the same tree, and nobody's changes in anybody else's."""

from __future__ import annotations

import tomllib

import pytest

from resolverd.config.toml_text import parsed

TEXT = """\
[server]
coordinates = [50.1, 8.7]
[[region.a.endpoint]]
since = 2026-11-30T12:00:00Z
until = 12:30:00
"""


def test_a_tree_is_as_it_is_read_and_each_has_its_own() -> None:
    first = parsed(TEXT)
    assert first == tomllib.loads(TEXT)
    first["server"]["coordinates"].append(0)
    first["region"].clear()
    assert parsed(TEXT) == tomllib.loads(TEXT)
    assert parsed("a = 1") == {"a": 1}
    assert parsed(TEXT) == tomllib.loads(TEXT)


def test_a_mistake_is_told_each_time() -> None:
    for _ in range(2):
        with pytest.raises(tomllib.TOMLDecodeError, match="line 1"):
            parsed("a = = 1")
