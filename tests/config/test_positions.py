"""Where keys stand in a TOML text: a table, and a property against what tomllib reads."""

from __future__ import annotations

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from resolverd.config.positions import Path, locate_keys

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

EXPECTED: dict[Path, tuple[int, int]] = {
    ("title",): (2, 1),
    ("multi",): (3, 1),
    ("server",): (7, 1),
    ("server", "listen"): (8, 1),
    ("server", "listen", 0): (9, 3),
    ("server", "listen", 1): (10, 3),
    ("server", "quoted key", "sub"): (12, 1),
    ("server", "inline", "b", "c", 1, "d"): (13, 35),
    ("region", "us-east", "endpoint", 0): (14, 1),
    ("region", "us-east", "endpoint", 0, "url"): (15, 1),
    ("region", "us-east", "endpoint", 1, "url"): (17, 1),
    ("region", "us-east", "endpoint", 1, "probe", "path"): (19, 1),
}


def test_every_key_is_found_where_it_stands() -> None:
    found = locate_keys(TEXT)
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
    read = _paths(tomllib.loads(text)) - {()}
    lists_of_tables = {("l",)}
    assert read - lists_of_tables - {("t",)} <= set(locate_keys(text))
