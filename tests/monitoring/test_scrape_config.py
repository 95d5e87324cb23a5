"""The configuration for Prometheus: promtool takes it, and it says how each page is reached."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from cli.command import Ran, resolverd
from harness.certificates import Authority
from harness.programs import output

from resolverd.monitoring.documents import RULES, alert_rules

ROOT = Path(__file__).parents[2]
CONFIG = """\
[server]
coordinates = [50.1, 8.7]
[admin]
listen = "{listen}"
[probe]
kind = "vllm"
credential = "{folder}/token"
[region.us-east]
coordinates = [39.0, -77.5]
gpu_metrics = ["http://192.0.2.10:9400/metrics"]
[[region.us-east.endpoint]]
address = ["192.0.2.10"]
url = "https://gpu1.example"
probe = {{ ca = "{ca}", sni = "front.example", client_certificate = "{pair}" }}
[[region.us-east.endpoint]]
name = "spare"
address = ["192.0.2.11"]
url = "https://[2001:db8::11]:8443/base/"
probe = {{ verify_tls = false, metrics_url = "https://[2001:db8::11]:9000/m?format=text" }}
[region.eu-west]
coordinates = [53.3, -6.3]
[region.eu-west.probe]
credential = ""
workers = ["http://192.0.2.21:8000", "http://192.0.2.22:8000"]
[[region.eu-west.endpoint]]
address = ["192.0.2.20"]
url = "http://front.example:8000"
[region.plain]
coordinates = [0, 0]
probe = {{ kind = "http" }}
[[region.plain.endpoint]]
address = ["192.0.2.30"]
url = "http://192.0.2.30"
[region.secret]
coordinates = [0, 0]
probe = {{ credential = "" }}
[[region.secret.endpoint]]
address = ["192.0.2.40"]
url = "http://user:hunter2@192.0.2.40:8000"
[service.chat]
model = "big"
regions = ["us-east", "eu-west", "plain", "secret"]
[service.code]
model = "big"
regions = ["us-east"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A configuration with what there is to say, and the files that it names."""
    authority = Authority(tmp_path)
    pair = authority.sign("client.pem")
    (tmp_path / "token").write_text("a-token\n")
    (tmp_path / RULES).write_text(alert_rules())
    _write(tmp_path, authority.ca, pair, "127.0.0.1:9153")
    return tmp_path


def _write(folder: Path, ca: Path, pair: Path, listen: str) -> None:
    text = CONFIG.format(folder=folder, ca=ca, pair=pair, listen=listen)
    (folder / "resolverd.toml").write_text(text)


def _printed(folder: Path, *arguments: str) -> Ran:
    ran = resolverd("template", "prometheus", *arguments, cwd=folder)
    assert (ran.status, ran.err) == (0, "")
    return ran


async def _read(folder: Path, *arguments: str) -> dict[str, Any]:
    """The jobs by name, after promtool has taken the file whole, with every file that it names."""
    text = _printed(folder, *arguments).out
    (folder / "prometheus.yml").write_text(text)
    said = await output("promtool", "check", "config", str(folder / "prometheus.yml"))
    assert "is valid prometheus config file syntax" in said
    assert "rules found" in said
    return _jobs(text)


def _jobs(text: str) -> dict[str, Any]:
    """What is under scrape_configs: blocks of plain YAML, each text of which is JSON."""
    blocks = re.split(r"^  - job_name: ", text.partition("scrape_configs:\n")[2], flags=re.M)[1:]
    return {json.loads(block.partition("\n")[0]): block for block in blocks}


async def test_promtool_takes_it_and_each_way_of_reaching_a_page_is_a_job(folder: Path) -> None:
    jobs = await _read(folder)
    assert list(jobs) == [
        "resolverd", "inference-us-east", "inference-us-east-2", "inference-eu-west",
        "inference-us-east-gpus",
    ]  # fmt: skip
    assert '- targets: ["127.0.0.1:9153"]' in jobs["resolverd"]
    first = jobs["inference-us-east"]
    for line in (
        'scheme: "https"', 'metrics_path: "/metrics"', '- targets: ["gpu1.example:443"]',
        f'credentials_file: "{folder}/token"', f'ca_file: "{folder}/test CA.pem"',
        'server_name: "front.example"', f'cert_file: "{folder}/client.pem"',
        f'key_file: "{folder}/client.pem"',
        'region: "us-east"', 'endpoint: "us-east-1"', 'service: "chat,code"', 'model: "big"',
    ):  # fmt: skip
        assert line in first, line
    second = jobs["inference-us-east-2"]
    for line in (
        '- targets: ["[2001:db8::11]:9000"]', 'metrics_path: "/m"', "insecure_skip_verify: true",
        'format: ["text"]', 'endpoint: "spare"',
    ):  # fmt: skip
        assert line in second, line
    west = jobs["inference-eu-west"]
    assert "192.0.2.21:8000" in west
    assert "192.0.2.22:8000" in west
    assert "front.example" not in west
    assert "credentials" not in west
    assert 'region: "us-east"' in jobs["inference-us-east-gpus"]


def test_what_prometheus_cannot_be_told_is_said_without_the_secret(folder: Path) -> None:
    text = _printed(folder).out
    assert "hunter2" not in text
    notes = text.partition("# Left out:\n")[2].partition("\n\n")[0]
    assert "secret-1: http://user:***@192.0.2.40:8000/metrics has a password" in notes
    assert 'plain-1: no page of metrics is known of an endpoint that is probed as "http"' in notes


def test_jobs_of_regions_with_alike_names_are_told_apart(folder: Path) -> None:
    path = folder / "resolverd.toml"
    text = path.read_text()
    path.write_text(text.replace("eu-west", "us-east-2"))
    found = [line for line in _printed(folder).out.splitlines() if "job_name" in line]
    assert len(found) == len(set(found)) == 5
    assert 'job_name: "inference-us-east-3"' in "\n".join(found)


def test_a_secret_in_the_query_of_a_page_is_not_written(folder: Path) -> None:
    path = folder / "resolverd.toml"
    text = path.read_text().replace("9400/metrics", "9400/metrics?format=text&api_key=hunter3")
    path.write_text(text.replace("m?format=text", "m?token=hunter4"))
    printed = _printed(folder).out
    assert "hunter" not in printed
    assert 'us-east: http://192.0.2.10:9400/metrics?*** has "api_key" in its query' in printed
    assert 'spare: https://[2001:db8::11]:9000/m?*** has "token" in its query' in printed


async def test_a_parameter_of_any_name_is_a_parameter(folder: Path) -> None:
    path = folder / "resolverd.toml"
    path.write_text(
        path.read_text().replace("m?format=text", "m?*=a&collect[]=gpu&%23+b:+c=d&on=1&NULL=2")
    )
    jobs = await _read(folder)
    for line in (
        '"*": ["a"]',
        '"collect[]": ["gpu"]',
        '"# b: c": ["d"]',
        '"on": ["1"]',
        '"NULL": ["2"]',
    ):
        assert line in jobs["inference-us-east-2"], line


async def test_a_fleet_names_its_edge_hosts(folder: Path) -> None:
    jobs = await _read(folder, "--edge", "192.0.2.1:9153", "--edge", "[2001:db8::1]:9153")
    assert '["192.0.2.1:9153", "[2001:db8::1]:9153"]' in jobs["resolverd"]


@pytest.mark.parametrize(
    ("listen", "target"),
    [("0.0.0.0:9153", "127.0.0.1:9153"), ("[::]:9153", "[::1]:9153"), ("", ""), ("[::1]:0", "")],
)
def test_the_listener_is_one_that_can_be_reached(folder: Path, listen: str, target: str) -> None:
    path = folder / "resolverd.toml"
    path.write_text(path.read_text().replace('"127.0.0.1:9153"', f'"{listen}"'))
    text = _printed(folder).out
    if target:
        assert f'["{target}"]' in _jobs(text)["resolverd"]
    else:
        assert "resolverd" not in _jobs(text)
        assert "#   resolverd: admin.listen opens no port" in text


@pytest.mark.parametrize("edge", ["192.0.2.1", ":9153", "host:0", "host:70000", "host:port"])
def test_an_edge_host_without_a_port_is_refused(folder: Path, edge: str) -> None:
    ran = resolverd("template", "prometheus", "--edge", edge, cwd=folder)
    assert ran.status == 2
    assert "HOST:PORT" in ran.err


def test_without_a_configuration_it_says_where_it_looked(tmp_path: Path) -> None:
    ran = resolverd("template", "prometheus", cwd=tmp_path)
    assert ran.status == 1
    assert "there is no such file" in ran.err


def test_the_alert_rules_are_those_of_the_package(tmp_path: Path) -> None:
    ran = resolverd("template", "alerts", cwd=tmp_path)
    rules = ROOT / "prometheus" / RULES
    assert (ran.status, ran.out) == (0, rules.read_text())


def test_the_jobs_alone_are_those_of_the_whole_and_nothing_that_another_file_may_not_say(
    folder: Path,
) -> None:
    """A file of scrape_config_files is refused for any other key."""
    whole = yaml.safe_load(_printed(folder).out)  # type: ignore[no-untyped-call]
    jobs = yaml.safe_load(_printed(folder, "--jobs").out)  # type: ignore[no-untyped-call]
    assert jobs == {"scrape_configs": whole["scrape_configs"]}


def test_nobody_is_told_to_write_onto_a_configuration_of_prometheus_in_use() -> None:
    """The shell empties it before the verb can find that something is wrong."""
    texts = [*ROOT.glob("docs/*.md"), ROOT / "README.md", *ROOT.glob("resolverd/cli/*.py")]
    assert len(texts) > 50
    told = re.compile(r">\s*\S*prometheus\.yml\b")
    allowed = "> resolverd.prometheus.yml"
    found = [(path.name, said) for path in texts for said in told.findall(path.read_text())]
    assert [said for said in found if said[1] != allowed] == []
