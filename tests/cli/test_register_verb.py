"""`resolverd register`: the dictionaries that the page's own code builds, as a checked fragment."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from pathlib import Path

import pytest
from cli.command import ROOT, Ran, resolverd
from hypothesis import given
from hypothesis import strategies as st

from resolverd.config.load import load_config
from resolverd.config.registered import Dictionaries, fragment

ENDPOINTS = {
    "us-east": "https://use.inference.example",
    "us-west": "https://usw.inference.example",
    "eu-west": "https://euw.inference.example",
    "ap-northeast": "https://apne.inference.example",
}
REGION_MODELS = {
    "us-east": "meta-llama/Llama-3.1-70B-Instruct",
    "us-west": "meta-llama/Llama-3.1-70B-Instruct",
    "eu-west": "mistralai/Mistral-3-Large",
    "ap-northeast": "Qwen/Qwen-3-72B",
}
REGION_TRAFFIC = {"us-east": 0.40, "us-west": 0.25, "eu-west": 0.20, "ap-northeast": 0.15}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The shipped configuration with its zones."""
    shutil.copy(ROOT / "resolverd.toml", tmp_path)
    shutil.copytree(ROOT / "zones", tmp_path / "zones")
    return tmp_path


def _register(place: Path, documents: object, *options: str) -> Ran:
    (place / "given.json").write_text(json.dumps(documents))
    return resolverd("register", "--from", "given.json", *options, cwd=place)


def test_the_endpoints_of_the_page_become_endpoints_of_their_regions(place: Path) -> None:
    ran = _register(place, ENDPOINTS)
    assert ran.status == 0, ran.err
    made = tomllib.loads(ran.out)
    assert made["region"].keys() == ENDPOINTS.keys()
    assert made["region"]["us-east"] == {
        "endpoint": [{"hostname": "use.inference.example", "url": "https://use.inference.example"}]
    }
    assert "service" not in made


def test_what_is_written_is_served_and_is_nothing_new_the_next_time(place: Path) -> None:
    documents = {"endpoints": ENDPOINTS, "REGION_MODELS": REGION_MODELS}
    assert _register(place, documents, "--write").status == 0
    config = load_config(place / "resolverd.toml").config
    assert [e.url for e in config.region["us-east"].endpoint][-1] == ENDPOINTS["us-east"]
    assert {r: config.service["chat"].model_in(r) for r in REGION_MODELS} == REGION_MODELS
    again = _register(place, documents, "--write", "again")
    assert (again.status, "nothing is new" in again.out) == (0, True)
    assert not (place / "resolverd.d" / "again.toml").exists()


def test_a_new_region_stands_where_its_name_or_its_coordinates_say(place: Path) -> None:
    documents = {
        "sa-east": "http://192.0.2.99:8000",
        "mars": "http://192.0.2.98:8000",
        "coordinates": {"mars": [4.5, 137.4]},
    }
    ran = _register(place, documents, "--gpus", "2", "--gpu-model", "H100_SXM")
    made = tomllib.loads(ran.out)
    assert made["region"]["sa-east"]["coordinates"] == [-23.5, -46.6]
    assert made["region"]["mars"]["coordinates"] == [4.5, 137.4]
    assert made["region"]["mars"]["gpus"]["count"] == 2
    assert made["region"]["mars"]["endpoint"][0]["address"] == ["192.0.2.98"]
    assert made["service"]["chat"]["regions"] == ["sa-east", "mars"]


def test_a_region_that_nothing_places_is_asked_for(place: Path) -> None:
    ran = _register(place, {"mars": "http://192.0.2.98:8000"})
    assert ran.status == 2
    assert "nothing says where mars stands: give a file with its coordinates" in ran.err


def test_traffic_of_the_page_is_what_plan_reads(place: Path) -> None:
    assert _register(place, REGION_TRAFFIC, "--traffic-csv", "traffic.csv").status == 0
    ran = resolverd("plan", "--traffic", "traffic.csv", "--json", cwd=place)
    shares = {r["name"]: round(r["share"], 2) for r in ran.json()["now"]["regions"]}
    assert shares == REGION_TRAFFIC
    assert "53.3 -6.3 IE,0.2,eu-west\n" in (place / "traffic.csv").read_text()
    fences = {user["name"]: user["fence"] for user in ran.json()["users"]}
    assert fences["eu-west"] == ["eu-west"], "Ireland is pinned"


def test_a_fragment_that_does_not_pass_the_checks_is_not_written(place: Path) -> None:
    ran = _register(place, {"us-east": "ftp://use.inference.example"}, "--write")
    assert ran.status == 1
    assert "resolverd.d/registered.toml:3" in ran.err
    assert not (place / "resolverd.d").exists()


def test_what_a_fragment_lacks_is_said_once_with_what_to_give(place: Path) -> None:
    zone = place / "zones" / "inference.example.zone"
    zone.write_text(re.sub(r"(?m)^embed .*\n", "", zone.read_text()))
    server = '[server]\ncoordinates = [50.1, 8.7]\nzones = ["zones/*.zone"]\n'
    (place / "resolverd.toml").write_text(f'{server}[probe]\nkind = "vllm"\n')
    ran = _register(place, ENDPOINTS, "--service", "chat")
    assert ran.status == 1
    ids = re.findall(r"(?m)^(\S+): ([a-z-]+): ", ran.err)
    assert {(file.split(":")[0], id_) for file, id_ in ids} == {
        ("resolverd.d/registered.toml", "config-vllm-model")
    }
    assert "give the model of each region too" in ran.err
    models = dict.fromkeys(ENDPOINTS, "Qwen/Qwen3-8B")
    assert _register(place, {"e": ENDPOINTS, "m": models}, "--service", "chat").status == 0


def test_what_is_printed_is_checked_with_what_was_written_before(place: Path) -> None:
    (place / "models.json").write_text(json.dumps({"us-east": "Qwen/Qwen3-8B"}))
    assert _register(place, ENDPOINTS, "--write").status == 0
    printed = resolverd("register", "--from", "models.json", cwd=place)
    assert (printed.status, "Qwen" in printed.out) == (0, True), printed.err
    refused = resolverd("register", "--from", "models.json", "--write", cwd=place)
    assert (refused.status, "is there already: give --write another" in refused.err) == (2, True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1, 2]", "given.json: register-file: it is no object of regions"),
        ("{}", "it is no object of regions"),
        ('{"us-east": true}', '"us-east" is neither a URL, a model, a share nor coordinates'),
        ('{"us-east": [1, 2, 3]}', '"us-east" is neither a URL'),
        ('{"us-east": -1}', '"us-east" is neither a URL'),
        ('{"us-east": "http://["}', "Invalid IPv6 URL"),
        (r'{"us-east": "\ud800"}', "it has half a surrogate pair"),
        ('{"us-east": ', "given.json:1:13: register-file: Expecting value"),
        (
            '{"us-east": "http://a.example", "us-east": "http://b.example"}',
            'given.json: register-file: "us-east" is there twice in one object',
        ),
        ('{"e": {"a": 1, "b": 2, "b": 2}}', '"b" is there twice in one object'),
        (
            '{"e": {"a": "http://a.example"}, "f": {"a": "http://b.example"}}',
            '"a" has one URL here, and had another before',
        ),
    ],
)
def test_a_file_that_is_no_dictionary_of_regions_is_refused(
    place: Path, text: str, said: str
) -> None:
    (place / "given.json").write_text(text)
    ran = resolverd("register", "--from", "given.json", cwd=place)
    assert ran.status == 1
    assert said in ran.err


@pytest.mark.parametrize(
    ("documents", "said"),
    [
        ({"mars": [4.5, 137.4]}, 'no region is made of "mars", of which no URL is given'),
        (
            {"us-east": [40, -75]},
            '"us-east" is at [39, -77.5] in the configuration',
        ),
        (
            REGION_TRAFFIC,
            "shares of traffic are no part of a fragment: write them with",
        ),
    ],
)
def test_what_no_fragment_says_is_said_to_be_left_out(
    place: Path, documents: object, said: str
) -> None:
    ran = _register(place, documents)
    assert (ran.status, ran.out) == (0, "")
    assert f"note: {said}" in ran.err
    both = _register(place, {"endpoints": ENDPOINTS, "more": documents})
    assert "[[region.us-east.endpoint]]" in both.out
    assert f"note: {said}" in both.err


def test_coordinates_as_they_are_configured_are_nothing_new(place: Path) -> None:
    ran = _register(place, {"us-east": [39.0, -77.5]})
    assert (ran.status, ran.err) == (0, "")
    assert "nothing is new" in ran.out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--gpu-model", "H100_SXM"), "say how many GPUs new regions have: --gpus N"),
        (("--usd-per-hour", "2.49"), "say how many GPUs new regions have: --gpus N"),
        (("--gpus", "-2"), '"-2" is not a number from 1 to 1000000'),
    ],
)
def test_gpus_that_cannot_be_are_a_wrong_command_line(
    place: Path, options: tuple[str, ...], said: str
) -> None:
    ran = _register(place, ENDPOINTS, *options)
    assert ran.status == 2
    assert said in ran.err


CONFIG = load_config(ROOT / "resolverd.toml").config
NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,12}", fullmatch=True)


@given(
    st.dictionaries(NAMES, st.tuples(st.floats(-90, 90), st.floats(-180, 180)), min_size=1),
    st.text(min_size=1).filter(lambda text: "://" not in text),
)
def test_whatever_is_registered_can_be_read_back(
    places: dict[str, tuple[float, float]], model: str
) -> None:
    given = Dictionaries()
    given.add({name: f"http://{name}.example:8000" for name in places})
    given.add({name: list(point) for name, point in places.items()})
    given.add(dict.fromkeys(places, model))
    made = tomllib.loads(fragment(given, CONFIG, "chat", {}))
    for name in places:
        (endpoint,) = made["region"][name]["endpoint"]
        assert endpoint["hostname"] == f"{name}.example"
        assert made["service"]["chat"]["models"][name] == model


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 100_000, "given.json: register-file: it is nested too deeply"),
        ("", "given.json:1:1: register-file: Expecting value"),
    ],
)
def test_a_file_that_is_no_json_is_refused(place: Path, text: str, said: str) -> None:
    (place / "given.json").write_text(text)
    ran = resolverd("register", "--from", "given.json", cwd=place)
    assert ran.status == 1
    assert said in ran.err


def test_a_directory_in_place_of_a_file_is_said_once(place: Path) -> None:
    ran = resolverd("register", "--from", "zones", cwd=place)
    assert ran.status == 1
    assert "zones: register-file: cannot be read: it is a directory, not" in ran.err
    assert "Errno" not in ran.err


def test_shares_that_cannot_be_written_are_said(place: Path) -> None:
    ran = _register(place, REGION_TRAFFIC, "--traffic-csv", "missing/traffic.csv")
    assert ran.status == 3
    assert "missing/traffic.csv cannot be written: No such file" in ran.err
    assert "Traceback" not in ran.err


def test_a_fragment_that_cannot_be_written_is_said(place: Path) -> None:
    (place / "resolverd.d").write_text("no directory")
    ran = _register(place, ENDPOINTS, "--write")
    assert ran.status == 3
    assert "resolverd.d/registered.toml cannot be written" in ran.err
