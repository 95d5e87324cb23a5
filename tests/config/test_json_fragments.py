"""`resolverd.d/*.json`: what a tool writes as JSON means what the same tables mean in TOML."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.config.json_text import JsonError, parse
from resolverd.config.load import load_config
from resolverd.errors import ConfigError, Problem

MAIN = """\
[server]
coordinates = [50.1, 8.7]
[region.a]
coordinates = [1, 2]
[[region.a.endpoint]]
address = ["192.0.2.1"]
url = "http://gpu.example"
[service.s]
regions = ["a"]
"""
FRAGMENT = """\
[region.b]
coordinates = [3.5, 4]
country = "DE"
probe = { interval = "2s", fall = 2 }
[[region.b.endpoint]]
address = ["192.0.2.2", "2001:db8::2"]
url = "http://gpu.example:8000"
[[region.b.endpoint]]
address = ["192.0.2.3"]
url = "http://other.example"
[service.s]
regions = ["b"]
[pin.eu]
subnets = ["198.51.100.0/24"]
regions = ["b"]
"""


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / "resolverd.toml"
    path.write_text(MAIN)
    (folder / "resolverd.d").mkdir(exist_ok=True)
    (folder / "resolverd.d" / name).write_text(text)
    return path


def refused(path: Path) -> Problem:
    with pytest.raises(ConfigError) as error:
        load_config(path)
    [problem] = [p for p in error.value.problems if p.severity == "error"]
    return problem


@pytest.mark.parametrize("indent", [None, 2])
def test_the_same_tables_are_the_same_configuration(tmp_path: Path, indent: int | None) -> None:
    for kind in ("toml", "json"):
        (tmp_path / kind).mkdir()
    as_json = json.dumps(tomllib.loads(FRAGMENT), indent=indent)
    toml = load_config(write(tmp_path / "toml", "50-b.toml", FRAGMENT))
    read = load_config(write(tmp_path / "json", "50-b.json", as_json))
    assert read.config == toml.config
    assert [*read.config.region] == ["a", "b"]


def test_fragments_of_both_kinds_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    def region(name: str) -> dict[str, Any]:
        endpoint = {"address": ["192.0.2.9"], "url": "http://gpu.example"}
        return {
            "region": {name: {"coordinates": [3, 4], "endpoint": [endpoint]}},
            "service": {"s": {"regions": [name]}},
        }

    write(tmp_path, "20-c.json", json.dumps(region("c")))
    write(tmp_path, "30-d.toml", FRAGMENT)
    path = write(tmp_path, "10-e.json", json.dumps(region("e")))
    assert load_config(path).config.service["s"].regions == ("a", "e", "c", "b")


@pytest.mark.parametrize(
    ("text", "line", "column", "message", "hint"),
    [
        ('{"region": {"b": 1,}}', 1, 20, "not JSON", "see that a JSON reader takes it"),
        ("{\n", 2, 1, "not JSON", "see that a JSON reader takes it"),
        ('[{"region": {}}]', 1, 1, "not an object", 'write {"region": {…}}, as the tables of TOML'),
        ('{"pin": {"x":\n {"regions": null}}}', 2, 14, "null is no value", "leave the key out"),
        ('{"pin": {},\n  "pin": {}}', 2, 3, '"pin" stands twice in one object', "write it once"),
        ('{"region": {"b": {"weight": NaN}}}', 1, 1, "NaN is no number in JSON", "write a number"),
    ],
)
def test_a_text_that_is_no_fragment_is_refused_where_it_is_wrong(
    tmp_path: Path, text: str, line: int, column: int, message: str, hint: str
) -> None:
    problem = refused(write(tmp_path, "b.json", text))
    assert (problem.id, problem.line, problem.column) == ("config-syntax", line, column)
    assert problem.message.startswith(message)
    assert problem.hint == hint
    assert problem.file.endswith("b.json")


@pytest.mark.parametrize(
    ("text", "check", "line"),
    [
        ('{\n "server": {\n  "udp_payload": 1400}}', "config-fragment-table", 2),
        ('{"region": {"b": {\n "cooordinates": [1, 2]}}}', "config-unknown-key", 2),
        ('{"region": {"a": {\n "coordinates": [1, 2]}}}', "config-said-twice", 2),
    ],
)
def test_a_fault_of_an_option_is_told_at_its_line(
    tmp_path: Path, text: str, check: str, line: int
) -> None:
    path = write(tmp_path, "b.json", text)
    with pytest.raises(ConfigError) as error:
        load_config(path)
    told = [(p.id, p.line) for p in error.value.problems if p.file.endswith("b.json")]
    assert (check, line) in told


@pytest.mark.parametrize("indent", [None, 1])
def test_no_secret_is_shown_of_a_line(tmp_path: Path, indent: int | None) -> None:
    tree = {
        "region": {
            "b": {
                "coordinates": [3, 4],
                "probe": {"kind": "http", "headers": {"Authorization": "hunter2"}, "fall": 99},
                "endpoint": [{"address": ["192.0.2.2"], "url": "http://u:hunter2@gpu.example"}],
                "pasword": "hunter2",
            }
        }
    }
    path = write(tmp_path, "b.json", json.dumps(tree, indent=indent))
    with pytest.raises(ConfigError) as error:
        load_config(path)
    assert "hunter2" not in "\n".join(map(str, error.value.problems))
    assert any(p.source for p in error.value.problems)


names = st.text(st.characters(codec="utf-8"), max_size=6)
trees = st.recursive(
    st.integers()
    | st.booleans()
    | st.text(max_size=5)
    | st.floats(allow_nan=False, width=16).filter(abs),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(names, trees, max_size=3), st.sampled_from([None, 0, 2]))
def test_each_key_and_element_is_where_its_position_says(
    tree: dict[str, Any], indent: int | None
) -> None:
    try:
        text = json.dumps(tree, indent=indent, ensure_ascii=False, allow_nan=False)
    except ValueError:
        return
    read, found = parse(text)
    assert read == tree
    lines = text.split("\n")
    for path, at in found.items():
        value: Any = tree
        for part in path:
            value = value[part]
        if isinstance(path[-1], str):
            shown = lines[at.key.line - 1][at.key.column - 1 :]
            assert json.JSONDecoder().raw_decode(shown)[0] == path[-1]
        assert at.value is not None
        rest = "\n".join([lines[at.value.line - 1][at.value.column - 1 :], *lines[at.value.line :]])
        assert json.JSONDecoder().raw_decode(rest)[0] == value


def test_a_text_of_many_brackets_is_refused() -> None:
    with pytest.raises(JsonError, match="nested too deeply"):
        parse("[" * 100_000 + "]" * 100_000)


@pytest.mark.parametrize("depth", [400, 480, 500, 900, 5000])
def test_what_nests_without_end_is_refused(tmp_path: Path, depth: int) -> None:
    inside = '{"a":' * depth + "1" + "}" * depth
    with pytest.raises(ConfigError):
        load_config(write(tmp_path, "b.json", f'{{"region": {inside}}}'))


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1" * 5000])
def test_what_is_too_large_for_a_number_is_refused(tmp_path: Path, number: str) -> None:
    found = refused(write(tmp_path, "b.json", f'{{"region": {{"b": {{"capacity": {number}}}}}}}'))
    assert found.id == "config-syntax"
