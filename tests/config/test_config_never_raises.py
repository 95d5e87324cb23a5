"""Whatever is written, loading ends with a configuration or with problems that have a place."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resolverd.config.load import load_config
from resolverd.errors import ConfigError

GOOD: dict[str, Any] = {
    "server": {"coordinates": [50.1, 8.7], "listen": ["127.0.0.1:53"], "zones": ["*.zone"]},
    "probe": {"kind": "http", "interval": "5s", "headers": {"A": "b"}, "expect_status": [200]},
    "admin": {"socket": "", "listen": ""},
    "region": {
        name: {
            "coordinates": [1, 2],
            "gpus": {"model": "H100_SXM", "count": 2},
            "endpoint": [
                {"address": ["192.0.2.1"], "url": "http://x", "probe": {"fall": 2}},
                {"hostname": "h.example", "url": "tcp://x:1", "probe": {"kind": "tcp"}},
            ],
        }
        for name in ("a", "b")
    },
    "service": {
        "s": {"regions": ["a", "b"], "policy": "weighted", "weights": {"a": 1}},
        "t": {"regions": ["b"], "probe": {"rise": 3}},
    },
    "pin": {"p": {"subnets": ["10.0.0.0/8"], "countries": ["IE"], "regions": ["a"]}},
}
JUNK: list[Any] = [0, -1, 1.5, True, "", "x", "5s", [], ["x"], [[]], [{}], {}, {"x": 1}, {"a": {}}]


def _places(node: Any, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    keys: list[str | int] = []
    if isinstance(node, dict):
        keys = list(node)
    elif isinstance(node, list):
        keys = list(range(len(node)))
    return [p for key in keys for p in [(*at, key), *_places(node[key], (*at, key))]]


def _changed(node: Any, place: tuple[str | int, ...], value: Any) -> Any:
    """`node` with `value` at `place`, or without that place where `value` is None."""
    if not place:
        return value
    head, rest = place[0], place[1:]
    items = list(node.items() if isinstance(node, dict) else enumerate(node))
    kept = [
        (key, _changed(child, rest, value) if key == head else child)
        for key, child in items
        if not (key == head and not rest and value is None)
    ]
    return dict(kept) if isinstance(node, dict) else [child for _, child in kept]


def _toml(node: Any) -> str:
    """Inline TOML; what JSON writes of scalars is TOML too."""
    if isinstance(node, dict):
        return "{" + ", ".join(f'"{key}" = {_toml(value)}' for key, value in node.items()) + "}"
    if isinstance(node, list):
        return "[" + ", ".join(map(_toml, node)) + "]"
    return json.dumps(node)


def _load(tree: Any) -> None:
    """Load `tree` as a file; only problems may come of it, each with a place and words."""
    text = "".join(f"{key} = {_toml(value)}\n" for key, value in tree.items())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "resolverd.toml")
        path.write_text(text)
        try:
            load_config(path)
        except ConfigError as refused:
            for problem in refused.problems:
                assert problem.line >= 1
                assert problem.message


def test_the_good_one_is_good(tmp_path: Path) -> None:
    path = tmp_path / "resolverd.toml"
    path.write_text("".join(f"{key} = {_toml(value)}\n" for key, value in GOOD.items()))
    warnings = load_config(path).warnings
    assert [p.id for p in warnings] == ["config-pin-refuses", "config-address-shared"]


@pytest.mark.parametrize("place", _places(GOOD), ids=lambda place: ".".join(map(str, place)))
def test_each_value_bent_in_every_way_gives_problems_and_nothing_else(
    place: tuple[str | int, ...],
) -> None:
    for value in [None, *JUNK]:
        _load(_changed(GOOD, place, value))


changes = st.tuples(st.sampled_from(_places(GOOD)), st.sampled_from([None, *JUNK]))


@settings(deadline=None, max_examples=300)
@given(st.lists(changes, min_size=2, max_size=4))
def test_several_bent_values_give_problems_and_nothing_else(
    bent: list[tuple[tuple[str | int, ...], Any]],
) -> None:
    tree = GOOD
    for place, value in bent:
        if place in _places(tree):
            tree = _changed(tree, place, value)
    _load(tree)
