"""The template: it says every option, and loads once what says FILL IN has been filled in."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection
from pathlib import Path

import pytest
from cli.command import resolverd

from resolverd.config.load import load_config
from resolverd.config.model import Config, Pin
from resolverd.config.probe_layers import COMMON, owners
from resolverd.config.reference import TABLES
from resolverd.config.template import FILL_IN

FILLED = {
    '"FILL IN: [latitude, longitude]"': "[50.1, 8.7]",
    '"FILL IN: an address that clients are given"': '"192.0.2.10"',
    '"FILL IN: http://ADDRESS:8000, where the probe asks"': '"http://192.0.2.10:8000"',
}


@pytest.fixture
def text(tmp_path: Path) -> str:
    """The template as it is printed."""
    ran = resolverd("template", cwd=tmp_path)
    assert (ran.status, ran.err) == (0, "")
    return str(ran.out)


def _filled(text: str) -> str:
    for placeholder, value in FILLED.items():
        assert placeholder in text
        text = text.replace(placeholder, value)
    assert FILL_IN not in text.partition("\n\n")[2]
    return text


def _uncommented(text: str, but: Collection[str] = ()) -> str:
    """Every option written; in [probe] all `but` these."""
    parts = re.split(r"^(?=\[probe\]|\[alerts\])", text, flags=re.MULTILINE)
    kept = rf"(?!(?:{'|'.join(but)}) =)" if but else ""
    parts[1] = re.sub(rf"^#{kept}(?=[a-z\[])", "", parts[1], flags=re.MULTILINE)
    return re.sub(r"^#(?=[a-z\[])", "", parts[0], flags=re.MULTILINE) + "".join(
        [parts[1], re.sub(r"^#(?=[a-z\[])", "", parts[2], flags=re.MULTILINE)]
    )


def _load(folder: Path, text: str) -> Config:
    path = folder / "resolverd.toml"
    path.write_text(text)
    loaded = load_config(path)
    assert loaded.warnings == ()
    return loaded.config


def test_filled_in_it_loads_without_problems_and_is_all_defaults(tmp_path: Path, text: str) -> None:
    config = _load(tmp_path, _filled(text))
    assert list(config.region) == ["us-east"]
    assert list(config.service) == ["chat"]
    assert config.pin == {}
    assert config.server.model_fields_set == {"coordinates"}


@pytest.mark.parametrize("kind", ["http", "vllm"])
def test_each_option_behind_a_hash_is_its_default(tmp_path: Path, text: str, kind: str) -> None:
    filled = _filled(text).replace("\n[probe]\n", f'\n[probe]\nkind = "{kind}"\n')
    if kind == "vllm":  # which has no default for what to ask for
        filled = filled.replace('#model = ""', 'model = "m"')
    options = set(dict(TABLES)["[probe]"].model_fields) - set(COMMON)
    others = {name for name in options if kind not in owners(name)} | {"kind"}
    bare = _load(tmp_path, filled)
    whole = _load(tmp_path, _uncommented(filled, but=others))
    assert whole.server == bare.server
    assert whole.admin == bare.admin
    assert whole.probe == bare.probe
    assert whole.service == bare.service
    assert whole.rtt == bare.rtt
    assert whole.fleet == bare.fleet
    assert whole.anycast == bare.anycast
    assert whole.region["us-east"].bias == bare.region["us-east"].bias
    assert whole.region["us-east"].endpoint == bare.region["us-east"].endpoint
    assert whole.region["us-east"].gpus is not None
    assert isinstance(whole.pin["gdpr"], Pin)


def test_every_option_is_there_with_its_doc(text: str) -> None:
    tree = tomllib.loads(_uncommented(text))
    tables = {
        "[server]": tree["server"],
        "[admin]": tree["admin"],
        "[probe]": tree["probe"],
        "[alerts]": tree["alerts"],
        "[rtt]": tree["rtt"],
        "[fleet]": tree["fleet"],
        "[anycast]": tree["anycast"],
        "[anycast.bird]": tree["anycast"]["bird"],
        "[anycast.exabgp]": tree["anycast"]["exabgp"],
        "[region.NAME]": tree["region"]["us-east"],
        "[[region.NAME.endpoint]]": tree["region"]["us-east"]["endpoint"][0],
        "gpus = {…}": tree["region"]["us-east"]["gpus"],
        "[service.NAME]": tree["service"]["chat"],
        "[service.NAME.spill]": tree["service"]["chat"]["spill"],
        "[place.NAME]": tree["place"]["office"],
        "[pin.NAME]": tree["pin"]["gdpr"],
    }
    prose = " ".join(text.replace("\n# ", " ").split())
    for title, model in TABLES:
        elsewhere = {"probe", "alerts", "bird", "exabgp"}
        options = set(model.model_fields) - elsewhere | set(tables[title]) & elsewhere
        assert set(tables[title]) == options
        if title != "gpus = {…}":
            for name in set(model.model_fields) - elsewhere - {"endpoint", "spill"}:
                assert str(model.model_fields[name].description) in prose


@pytest.mark.parametrize("forgotten", FILLED)
def test_what_was_forgotten_is_refused_where_it_stands(
    tmp_path: Path, text: str, forgotten: str
) -> None:
    for placeholder, value in FILLED.items():
        text = text if placeholder == forgotten else text.replace(placeholder, value)
    (tmp_path / "resolverd.toml").write_text(text)
    ran = resolverd("check", cwd=tmp_path)
    assert ran.status == 1
    assert FILL_IN in ran.err


def test_check_serves_it_with_a_zone(tmp_path: Path, text: str) -> None:
    (tmp_path / "resolverd.toml").write_text(_filled(text))
    (tmp_path / "zones").mkdir()
    (tmp_path / "zones" / "a.zone").write_text(
        "$ORIGIN a.example.\n$TTL 60\n@ SOA ns1 hostmaster 1 3600 900 604800 300\n"
        "@ NS ns1\nns1 A 192.0.2.53\nchat 60 DYNA chat\n"
    )
    ran = resolverd("check", cwd=tmp_path)
    assert (ran.status, ran.err) == (0, "")


def test_as_json_every_option_has_its_facts(tmp_path: Path) -> None:
    options = resolverd("template", "--json", cwd=tmp_path).json()["options"]
    assert len(options) == sum(len(model.model_fields) for _, model in TABLES)
    (ttl,) = (o for o in options if (o["table"], o["option"]) == ("[service.NAME]", "ttl"))
    assert ttl == {
        "table": "[service.NAME]",
        "option": "ttl",
        "type": "duration",
        "unit": "seconds",
        "minimum": 0,
        "maximum": 86400,
        "required": False,
        "default": 60.0,
        "doc": "TTL of steered answers while no change is near. A longer one saves queries, and "
        "delays what an edit or a drain moves.",
    }
    assert all(o["doc"] for o in options)
