"""Names with a dot in them, as models have: in fragments, in what a problem says, in `--set`."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from resolverd.cli.options import assignment
from resolverd.config.load import load_config
from resolverd.config.option_keys import key_parts
from resolverd.config.secrets import shown_line
from resolverd.errors import ConfigError, Problem

MAIN = """\
[server]
coordinates = [50.1, 8.7]
[region."eu.west"]
coordinates = [1, 2]
[service."llama-3.1"]
regions = ["eu.west"]
"""
ENDPOINT = '[[region."eu.west".endpoint]]\naddress = ["192.0.2.{}"]\nurl = "http://gpu.example"\n'


def _written(place: Path, main: str, **fragments: str) -> Path:
    path = place / "resolverd.toml"
    path.write_text(main)
    path.with_suffix(".d").mkdir(exist_ok=True)
    for name, text in fragments.items():
        (path.with_suffix(".d") / f"{name}.toml").write_text(text)
    return path


def _problems(path: Path, *overrides: tuple[str, object]) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as refused:
        load_config(path, overrides)
    return refused.value.problems


def test_endpoints_and_regions_add_up_over_fragments(tmp_path: Path) -> None:
    us = '[region.us]\ncoordinates = [3, 4]\n[[region.us.endpoint]]\naddress = ["192.0.2.9"]\n'
    us += 'url = "http://gpu.example"\n[service."llama-3.1"]\nregions = ["us"]\n'
    path = _written(tmp_path, MAIN, a=ENDPOINT.format(1), b=ENDPOINT.format(2), us=us)
    config = load_config(path).config
    assert len(config.region["eu.west"].endpoint) == 2
    assert config.service["llama-3.1"].regions == ("eu.west", "us")


def test_what_may_be_said_once_names_them_as_toml_does(tmp_path: Path) -> None:
    path = _written(
        tmp_path, MAIN, a=ENDPOINT.format(1), b='[region."eu.west"]\ncoordinates = [3, 4]\n'
    )
    (problem,) = _problems(path)
    assert problem.message.startswith('region."eu.west".coordinates is set already')


def test_the_table_that_a_hint_names_is_the_one(tmp_path: Path) -> None:
    (problem,) = _problems(_written(tmp_path, MAIN))
    assert problem.id == "config-no-endpoint"
    assert '[[region."eu.west".endpoint]]' in problem.hint


def test_an_override_reaches_them_by_quotes(tmp_path: Path) -> None:
    path = _written(tmp_path, MAIN, a=ENDPOINT.format(1))
    for quote in "\"'":
        key, value = assignment(f"service.{quote}llama-3.1{quote}.ttl=30s")
        assert load_config(path, [(key, value)]).config.service["llama-3.1"].ttl == 30
    (problem,) = _problems(path, ('service."llama-3.1".ttl', "30"))
    assert (problem.file, problem.source) == ("--set", 'service."llama-3.1".ttl=30')


@pytest.mark.parametrize(
    ("key", "parts"),
    {
        "bare": ("server.workers", ["server", "workers"]),
        "digits": ("region.1.capacity", ["region", "1", "capacity"]),
        "basic quotes": ('service."a.b\\u0041".ttl', ["service", "a.bA", "ttl"]),
        "literal quotes": (r"service.'a.b\n'.ttl", ["service", r"a.b\n", "ttl"]),
    }.values(),
)
def test_parts_of_a_key(key: str, parts: list[str]) -> None:
    assert key_parts(key) == parts


@pytest.mark.parametrize("key", ["", ".", "a.", ".a", "a..b", 'a."b', "a.'b", 'a."".b', 'a."b"c'])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is not KEY=VALUE"):
        assignment(f"{key}=1")


def test_the_line_of_a_table_is_shown_with_its_name() -> None:
    for line in ('[service."llama-3.1"]', "[[ region.'eu.west'.endpoint ]] # here"):
        assert shown_line(line) == line
    for line in ('[notatable."llama-3.1"]', '[headers."X-Key"]', '["llama-3.1".service]'):
        assert shown_line(line) != line
