"""Which options a probe has is its kind's: what layers of several kinds come to, and what errs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from resolverd.config.load import LoadedConfig, load_config
from resolverd.config.probe_layers import ProbeDefaults, groups, merge_probe
from resolverd.config.probe_registry import probe_kinds, register
from resolverd.config.targets import probe_targets
from resolverd.errors import ConfigError, Problem
from resolverd.health.kinds.http import HttpProbe
from resolverd.health.kinds.kind import json_keys, metrics
from resolverd.health.kinds.tcp import KIND, TcpProbe
from resolverd.health.kinds.vllm import VllmProbe

HEAD = """\
[server]
coordinates = [50.1, 8.7]
[service.chat]
regions = ["eu"]
model = "m"
[region.eu]
coordinates = [1, 2]
"""
ENDPOINT = '[[region.eu.endpoint]]\naddress = ["192.0.2.1"]\nurl = "http://127.0.0.1:8000"\n'


def load(folder: Path, text: str) -> LoadedConfig:
    path = folder / "resolverd.toml"
    path.write_text(text)
    return load_config(path)


def errors(folder: Path, text: str) -> list[Problem]:
    try:
        load(folder, text)
    except ConfigError as refused:
        return list(refused.problems)
    return []


def test_an_endpoint_of_another_kind_has_none_of_the_defaults_of_the_first(tmp_path: Path) -> None:
    text = (
        '[probe]\nkind = "vllm"\npath = "/alive"\nversion = "1"\ncanary_prompt = "Ho"\nfall = 5\n'
        + HEAD + ENDPOINT + ENDPOINT + 'probe = { kind = "tcp", rise = 4 }\n'
        + ENDPOINT + 'probe = { kind = "http" }\n'
    )  # fmt: skip
    targets = probe_targets(load(tmp_path, text).config).by_id
    vllm, tcp, http = (targets[f"eu-{number}"].settings for number in (1, 2, 3))
    assert vllm == VllmProbe(path="/alive", version="1", canary_prompt="Ho", fall=5, model="m")
    assert tcp == TcpProbe(fall=5, rise=4)
    assert http == HttpProbe(path="/alive", fall=5)


def test_a_default_for_endpoints_of_another_kind_reaches_them(tmp_path: Path) -> None:
    text = '[probe]\ncanary_prompt = "Ho"\n' + HEAD + ENDPOINT + 'probe = { kind = "vllm" }\n'
    text += ENDPOINT + 'probe = { kind = "tcp" }\n'
    targets = probe_targets(load(tmp_path, text).config).by_id
    assert targets["eu-1"].settings == VllmProbe(canary_prompt="Ho", model="m")
    assert targets["eu-2"].settings == TcpProbe()


@pytest.mark.parametrize(
    ("text", "line", "said", "hint"),
    [
        (
            HEAD + ENDPOINT + 'probe = { kind = "tcp", path = "/x" }\n', 11,
            "path is an option of kinds http, vllm and openai, and what is probed by this is of "
            "kind tcp",
            'write kind = "http" or kind = "vllm" or kind = "openai" beside it, or remove path',
        ),
        (
            "[probe]\nworkers = []\n" + HEAD + ENDPOINT, 2,
            "workers is an option of kind vllm, and what is probed by this is of kind http",
            'write kind = "vllm" beside it, or remove workers',
        ),
        (
            HEAD + 'probe = { version = "1" }\n' + ENDPOINT + 'probe = { kind = "openai" }\n', 8,
            "version is an option of kind vllm, and what is probed by this is of kind openai",
            'write kind = "vllm" beside it, or remove version',
        ),
        (
            '[probe]\nload_page = "none"\n' + HEAD, 2,
            "load_page is an option of kind openai, and what is probed by this is of kind http",
            'write kind = "openai" beside it, or remove load_page',
        ),
    ],
)  # fmt: skip
def test_an_option_that_no_kind_below_its_table_has_is_an_error(
    tmp_path: Path, text: str, line: int, said: str, hint: str
) -> None:
    found = [p for p in errors(tmp_path, text) if p.id == "config-probe-kind"]
    assert [(p.line, p.message.partition(";")[0], p.hint) for p in found] == [(line, said, hint)]


@pytest.mark.parametrize(
    ("kind", "written", "probed"),
    [
        ("http", "HTTPS://gpu.example:8000/Path", "https://gpu.example:8000/Path"),
        ("http", "Http://192.0.2.1", "http://192.0.2.1"),
        ("vllm", "HTTPS://gpu.example", "https://gpu.example"),
        ("openai", "hTTp://gpu.example", "http://gpu.example"),
        ("tcp", "TCP://192.0.2.1:8000", "tcp://192.0.2.1:8000"),
        ("tcp", "HTTP://192.0.2.1:8000", "http://192.0.2.1:8000"),
    ],
)
def test_a_scheme_may_be_in_capitals(tmp_path: Path, kind: str, written: str, probed: str) -> None:
    text = f'{HEAD}[probe]\nkind = "{kind}"\n{ENDPOINT}'
    loaded = load(tmp_path, text.replace("http://127.0.0.1:8000", written))
    assert [target.endpoint.url for target in probe_targets(loaded.config).by_id.values()] == [
        probed
    ]


def test_the_scheme_of_other_pages_may_be_in_capitals_too(tmp_path: Path) -> None:
    text = HEAD + 'gpu_metrics = ["HTTP://gpu.example/metrics"]\n' + ENDPOINT
    text += 'probe = { kind = "vllm", metrics_url = "HTTP://gpu.example/metrics" }\n'
    text += ENDPOINT + 'probe = { kind = "vllm", workers = ["HTTPS://gpu.example"] }\n'
    text += '[fleet]\nurls = ["NATS://127.0.0.1:4222"]\nedge = "a"\n'
    config = load(tmp_path, text).config
    targets = probe_targets(config).by_id
    first, second = (targets[f"eu-{number}"].settings for number in (1, 2))
    assert isinstance(first, VllmProbe)
    assert isinstance(second, VllmProbe)
    assert config.region["eu"].gpu_metrics == ("http://gpu.example/metrics",)
    assert first.metrics_url == "http://gpu.example/metrics"
    assert second.workers == ("https://gpu.example",)
    assert config.fleet.urls == ("nats://127.0.0.1:4222",)


def test_a_url_that_the_kind_cannot_ask_has_a_kind_that_can(tmp_path: Path) -> None:
    text = HEAD + ENDPOINT.replace("http://127.0.0.1", "TCP://127.0.0.1")
    (problem,) = errors(tmp_path, text)
    assert problem.id == "config-probe"
    assert problem.message.startswith('kind = "http" cannot ask tcp://127.0.0.1:8000;')
    assert 'kind = "tcp"' in problem.hint


def test_what_is_no_option_of_any_kind_is_unknown_still(tmp_path: Path) -> None:
    (problem,) = errors(tmp_path, HEAD + ENDPOINT + 'probe = { pathe = "/x" }\n')
    assert (problem.id, problem.hint) == ("config-unknown-key", "did you mean path?")


def test_the_kinds_agree_on_what_they_share_and_the_shipped_defaults_are_one_of_each() -> None:
    names = list(probe_kinds())
    assert names == ["tcp", "http", "vllm", "openai"]
    for name in names:
        settings = merge_probe(ProbeDefaults.model_validate({"kind": name}))
        assert type(settings) is probe_kinds()[name].settings
        assert settings == probe_kinds()[name].settings()
    assert {name for fields in groups().values() for name in fields} >= {"path", "workers", "load"}
    assert metrics()
    assert json_keys()


def test_a_kind_that_comes_after_the_declaration_was_made_is_refused() -> None:
    probe_kinds()
    with pytest.raises(RuntimeError, match="made already"):
        register(KIND)


def test_reading_a_configuration_loads_nothing_that_asks_endpoints() -> None:
    program = "import sys, resolverd.config.load; print('aiohttp' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.strip() == b"False"
