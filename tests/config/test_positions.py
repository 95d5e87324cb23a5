"""Where keys and values stand in a TOML text: a table, and properties against tomllib."""

from __future__ import annotations

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from resolverd.config.positions import Path, locate

TEXT = '''\
# a comment with [brackets] and = signs
title = "a [b] = c # d"
multi = """
[not.a.table]
x = 1
"""
[server] # trailing
listen = [ # one
  "a", # two
  "b",
]
"quoted key".sub = 'x'
inline = { a = 1, b = { c = [1, { d = 2 }] } }
[[region.us-east.endpoint]]
url = "x"
[[region.us-east.endpoint]]
url = "y"
[region.us-east.endpoint.probe]
path = "/"
'''

# Where the key stands, and its value.
EXPECTED: dict[Path, tuple[tuple[int, int], tuple[int, int] | None]] = {
    ("title",): ((2, 1), (2, 9)),
    ("multi",): ((3, 1), (3, 9)),
    ("server",): ((7, 2), (7, 1)),
    ("server", "listen"): ((8, 1), (8, 10)),
    ("server", "listen", 0): ((9, 3), (9, 3)),
    ("server", "listen", 1): ((10, 3), (10, 3)),
    ("server", "quoted key"): ((12, 1), None),
    ("server", "quoted key", "sub"): ((12, 14), (12, 20)),
    ("server", "inline", "b"): ((13, 19), (13, 23)),
    ("server", "inline", "b", "c", 1, "d"): ((13, 35), (13, 39)),
    ("region",): ((14, 3), (14, 1)),
    ("region", "us-east", "endpoint", 0): ((14, 18), (14, 1)),
    ("region", "us-east", "endpoint", 0, "url"): ((15, 1), (15, 7)),
    ("region", "us-east", "endpoint", 1, "url"): ((17, 1), (17, 7)),
    ("region", "us-east", "endpoint", 1, "probe"): ((18, 26), (18, 1)),
    ("region", "us-east", "endpoint", 1, "probe", "path"): ((19, 1), (19, 8)),
}


def test_every_key_is_found_where_it_stands() -> None:
    found = locate(TEXT)
    assert {path: tuple(found[path]) for path in EXPECTED} == EXPECTED


def _paths(node: Any, at: Path = ()) -> set[Path]:
    if isinstance(node, dict):
        return {at} | {path for key, value in node.items() for path in _paths(value, (*at, key))}
    if isinstance(node, list):
        return {at} | {p for i, value in enumerate(node) for p in _paths(value, (*at, i))}
    return {at}


scalars = st.sampled_from(
    ["1", "-2.5", "true", '"a # b"', "'x = [y]'", "1979-05-27T07:32:00Z", '"\\"]"', "'''\n[a]\n'''"]
)


def _listed(parts: list[str]) -> str:
    return "[ " + ", # c ]\n ".join([*parts, ""]) + "]"


def _inline(table: dict[str, str]) -> str:
    return "{" + ", ".join(f"{key} = {value}" for key, value in table.items()) + "}"


values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3).map(_listed)
        | st.dictionaries(
            st.sampled_from("abc"), inner.filter(lambda v: "\n" not in v), max_size=3
        ).map(_inline)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["k", "'q r'", "x.y", "m-n"]), values, max_size=4))
def test_every_path_that_tomllib_reads_has_a_position(pairs: dict[str, str]) -> None:
    text = "".join(f"{key} = {value}\n" for key, value in pairs.items())
    text += "[t.u]\n" + text + "[[l]]\n" + text + "[[l]]\n"
    found = locate(text)
    assert _paths(tomllib.loads(text)) - {()} <= set(found)


@given(st.dictionaries(st.sampled_from(["k", "'q r'", "x.y", "m-n"]), values, max_size=4))
def test_what_stands_at_the_place_of_a_value_is_that_value(pairs: dict[str, str]) -> None:
    text = "".join(f"{key} = {value}\n" for key, value in pairs.items())
    text += "[t.u]\n" + text + "[[l]]\n" + text
    tree, lines = tomllib.loads(text), text.split("\n")
    for path, place in locate(text).items():
        value = _at(tree, path)
        if place.value is None or lines[place.value.line - 1].startswith("["):
            assert isinstance(value, dict | list)  # a table, of dotted keys or by its header
            continue
        rest = "\n".join(
            [lines[place.value.line - 1][place.value.column - 1 :], *lines[place.value.line :]]
        )
        assert value in _values_that_begin(rest)


def _at(tree: Any, path: Path) -> Any:
    for part in path:
        tree = tree[part]
    return tree


def _values_that_begin(text: str) -> list[Any]:
    """What each beginning of `text` that is a whole TOML value says."""
    found = []
    for end in range(1, len(text) + 1):
        try:
            found.append(tomllib.loads(f"k = {text[:end]}")["k"])
        except tomllib.TOMLDecodeError:
            continue
    return found
