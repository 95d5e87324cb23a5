"""Names with a dot in them, as models have: in fragments, in what a problem says, in `--set`."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from resolverd.cli.options import assignment
from resolverd.config.load import load_config
from resolverd.config.option_keys import key_parts
from resolverd.config.partial import zone_settings
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


HEAD = """\
[server]
coordinates = [50.1, 8.7]
[region.us]
coordinates = [3, 4]
[[region.us.endpoint]]
address = ["192.0.2.9"]
url = "http://gpu.example"
"""
SERVICE = '[service.chat]\nregions = ["us"]\n'


@pytest.mark.parametrize(
    ("name", "text", "hint"),
    [
        ("llama-3.1", '[service.NAME]\nregions = ["us"]\n', 'write [service."llama-3.1"]'),
        ("llama-3.1", '[service]\nNAME.regions = ["us"]\n', 'write [service."llama-3.1"]'),
        (
            "meta.llama.3.1", '[service.NAME]\nregions = ["us"]\n[service.NAME.spill]\n',
            'write [service."meta.llama.3.1"] and [service."meta.llama.3.1".spill]',
        ),
        (
            "chat.large", SERVICE + '[service.NAME]\nregions = ["us"]\n',
            'write [service."chat.large"]',
        ),
        (
            "eu.west", '[region.NAME]\ncoordinates = [1, 2]\n[[region.NAME.endpoint]]\n'
            'address = ["192.0.2.1"]\nurl = "http://gpu.example"\n'
            '[service.chat]\nregions = ["eu.west", "us"]\n',
            'write [region."eu.west"] and [[region."eu.west".endpoint]]',
        ),
        (
            "eu.law", SERVICE + '[pin.NAME]\ncountries = ["IE"]\nregions = ["us"]\n',
            'write [pin."eu.law"]',
        ),
        (
            "hq.a", SERVICE + '[place.NAME]\nsubnets = ["10.0.0.0/8"]\ncountry = "IE"\n',
            'write [place."hq.a"]',
        ),
    ],
)  # fmt: skip
def test_a_name_with_a_dot_that_lacks_quotes_is_one_finding(
    tmp_path: Path, name: str, text: str, hint: str
) -> None:
    (problem,) = _problems(_written(tmp_path, HEAD + text.replace("NAME", name)))
    assert (problem.id, problem.hint) == ("config-unknown-key", hint)
    assert problem.message.endswith("a name with a dot stands in quotes")
    assert load_config(_written(tmp_path, HEAD + text.replace("NAME", f'"{name}"')))


def test_what_is_wrong_in_such_a_table_is_said_of_the_name_that_was_meant(tmp_path: Path) -> None:
    text = HEAD
    text += '[service.llama-3.1]\nregions = ["eu"]\nttl = "x"\n'
    found = [(p.id, p.line) for p in _problems(_written(tmp_path, text))]
    assert found == [("config-unknown-key", 8), ("config-unknown-region", 9), ("config-value", 10)]


def test_a_misspelt_table_is_none_of_these(tmp_path: Path) -> None:
    text = HEAD + SERVICE
    (problem,) = _problems(_written(tmp_path, text + "[service.chat.spil]\nttl = 1\n"))
    assert problem.hint == "did you mean spill?"


def test_an_override_and_json_are_told_of_quotes_as_they_have_them(tmp_path: Path) -> None:
    path = _written(tmp_path, MAIN, a=ENDPOINT.format(1))
    (problem,) = _problems(path, ("service.llama-3.1.ttl", "30s"))
    assert (problem.file, problem.hint) == ("--set", 'write service."llama-3.1".ttl=')
    fragment = '{"service": {"gpt-4": {"1": {"regions": ["eu.west"]}}}}'
    (path.with_suffix(".d") / "b.json").write_text(fragment)
    (problem,) = _problems(path)
    assert problem.hint == 'write "gpt-4.1" as one key'


def test_a_zone_may_use_a_service_whose_name_lacks_quotes(tmp_path: Path) -> None:
    text = HEAD + '[service.llama-3.1]\nregions = ["us"]\n'
    settings = zone_settings(_written(tmp_path, text))
    assert settings is not None
    assert settings.services == {"llama-3.1": "address"}


def test_a_name_that_is_refused_is_proposed_to_no_zone(tmp_path: Path) -> None:
    text = HEAD + '[service."chat/x"]\nregions = ["us"]\n'
    settings = zone_settings(_written(tmp_path, text))
    assert settings is not None
    assert settings.services is None, "it will have another name"
