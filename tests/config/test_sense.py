"""What is right by itself and hardly what was meant is warned of, or refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from resolverd.config.layers import written
from resolverd.config.load import load_config
from resolverd.errors import ConfigError, Problem

CONFIG = """\
[server]
listen = ["192.0.2.53:53"]
coordinates = [50.1, 8.7]
[admin]
listen = "127.0.0.1:9353"
[region.a]
coordinates = [1, 2]
[[region.a.endpoint]]
address = ["192.0.2.10"]
url = "http://gpu1.example:8000"
[region.b]
coordinates = [3, 4]
[[region.b.endpoint]]
address = ["192.0.2.20"]
url = "http://gpu2.example:8000"
[service.s]
regions = ["a", "b"]
ttl = "60s"
failover_ttl = "5s"
"""


def problems(folder: Path, text: str) -> tuple[Problem, ...]:
    """All that is found in this configuration."""
    path = folder / "resolverd.toml"
    path.write_text(text)
    try:
        return load_config(path).warnings
    except ConfigError as refused:
        return refused.problems


def test_what_makes_sense_is_not_remarked_on(tmp_path: Path) -> None:
    assert problems(tmp_path, CONFIG) == ()


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    assert problems(tmp_path, "\ufeff" + CONFIG) == ()
    [problem] = problems(tmp_path, "\ufeff" + CONFIG.replace("[server]", "[server]\nlisen = 1"))
    assert (problem.line, problem.column) == (2, 1)


@pytest.mark.parametrize(
    ("old", "new", "severity", "check", "line"),
    [
        ('"5s"', '"500ms"', "error", "config-ttl-zero", 19),
        ('"5s"', '"0s"', "warning", "config-ttl-floor", 19),
        ("[server]", '[server]\nttl_floor = "10s"', "warning", "config-ttl-floor", 20),
        ('"127.0.0.1:9353"', '"192.0.2.53:53"', "error", "config-admin-port", 5),
        ('"192.0.2.53:53"', '"0.0.0.0:9353"', "error", "config-admin-port", 5),
        ('"192.0.2.10"', '"127.0.0.1"', "warning", "config-address-nowhere", 9),
        ('"192.0.2.10"', '"::1"', "warning", "config-address-nowhere", 9),
        ('"192.0.2.10"', '"0.0.0.0"', "warning", "config-address-nowhere", 9),
        ('"192.0.2.10"', '"10.1.2.3"', "warning", "config-address-private", 9),
        ('"192.0.2.10"', '"100.64.1.1"', "warning", "config-address-private", 9),
        ('"192.0.2.10"', '"fd00::1"', "warning", "config-address-private", 9),
        ('"192.0.2.20"', '"192.0.2.10"', "warning", "config-address-shared", 14),
        ('["a", "b"]', '["a"]', "warning", "config-region-unused", 11),
        ("http://gpu1.example:8000", "http://euw 1:80", "error", "config-value", 10),
        ("http://gpu1.example:8000", "http://-x.example", "error", "config-value", 10),
    ],
)
def test_what_does_not_is_said_where_it_stands(
    tmp_path: Path, old: str, new: str, severity: str, check: str, line: int
) -> None:
    found = problems(tmp_path, CONFIG.replace(old, new, 1))
    assert (severity, check, line) in [(p.severity, p.id, p.line) for p in found]


@pytest.mark.parametrize(
    ("policy", "found"),
    [
        ("failover", [("config-bias-unused", 7)]),
        ("weighted", [("config-bias-unused", 7)]),
        ("nearest", []),
        ("latency", []),
    ],
)
@pytest.mark.parametrize("bias", ["0.8", '"-20ms"'])
def test_a_bias_where_no_cost_decides_is_said_to_have_no_effect(
    tmp_path: Path, policy: str, found: list[tuple[str, int]], bias: str
) -> None:
    text = CONFIG.replace("[region.a]\n", f"[region.a]\nbias = {bias}\n")
    text += f'policy = "{policy}"\n'
    assert [(p.id, p.line) for p in problems(tmp_path, text)] == found


GPUS = 'gpus = { model = "H100_SXM", count = 8 }'


@pytest.mark.parametrize(
    ("of_a", "of_b", "said"),
    [
        ("capacity = 1000", "", "with capacity (a: 1000) and without (b: 1)"),
        ("", "capacity = 1000", "with capacity (b: 1000) and without (a: 1)"),
        ("capacity = 100", GPUS, "with capacity (a: 100) and without (b: 8)"),
        (GPUS, "", "with gpus (a: 8) and without (b: 1)"),
        (GPUS, GPUS.replace("8", "2"), ""),
        ("capacity = 1000", "capacity = 10", ""),
        ("capacity = 8", GPUS, ""),
        ("capacity = 1", "", ""),
        ("", "", ""),
    ],
)
def test_capacities_of_a_service_are_all_written_or_none(
    tmp_path: Path, of_a: str, of_b: str, said: str
) -> None:
    text = CONFIG.replace("[region.a]\n", f"[region.a]\n{of_a}\n")
    text = text.replace("[region.b]\n", f"[region.b]\n{of_b}\n")
    text += '[service.t]\nregions = ["b", "a"]\n[service.u]\nregions = ["a"]\n'
    found = problems(tmp_path, text)
    assert [(p.id, p.severity) for p in found] == (
        [("config-capacity-mixed", "warning")] if said else []
    )
    assert not said or said in found[0].message
    assert not any("nobody wrote it" in p.message for p in found)


@pytest.mark.parametrize(
    ("listen", "said", "right"),
    [
        (["192.0.2.1:53", "192.0.2.1:53"], [1], ["192.0.2.1:53"]),
        (["0.0.0.0:53", "192.0.2.1:53"], [1], ["0.0.0.0:53"]),
        (["192.0.2.1:53", "0.0.0.0:53", "[::]:53"], [0], ["0.0.0.0:53", "[::]:53"]),
        (["[2001:db8::1]:53", "[::]:53", "[::1]:53"], [0, 2], ["[::]:53"]),
        (["0.0.0.0:53", "[2001:db8::1]:53", "192.0.2.1:5300"], [], []),
        (["0.0.0.0:0", "127.0.0.1:0"], [], []),
    ],
)
def test_an_address_is_listened_on_once(
    tmp_path: Path, listen: list[str], said: list[int], right: list[str]
) -> None:
    found = problems(tmp_path, CONFIG.replace('["192.0.2.53:53"]', json.dumps(listen)))
    found = tuple(p for p in found if p.id == "config-duplicate-listen")
    shown = [p.source[p.column - 1 :].partition('",')[0].strip('"]') for p in found]
    assert shown == [listen[index] for index in said]
    assert all(p.hint.startswith(f"write listen = {json.dumps(right)}") for p in found)


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "[::1]:0"])
def test_who_listens_on_loopback_alone_may_hand_it_out(tmp_path: Path, listen: str) -> None:
    text = CONFIG.replace("192.0.2.53:53", listen).replace("192.0.2.10", "127.0.0.1")
    assert problems(tmp_path, text) == ()


@pytest.mark.parametrize(
    "host", ["gpu1.example", "bücher.example", "192.0.2.1", "[2001:db8::1]", "gpu_1"]
)
def test_a_url_s_host_is_a_hostname_or_an_address(tmp_path: Path, host: str) -> None:
    found = problems(tmp_path, CONFIG.replace("gpu1.example", host))
    assert [p for p in found if p.severity == "error"] == []


@pytest.mark.parametrize(
    "url",
    ["http://[::1%25lo]:8000", "http://[::1%lo]:8000", "http://user:pw@[fe80::1%25eth0]/a%25b"],
)
def test_an_address_in_a_url_may_have_its_zone(tmp_path: Path, url: str) -> None:
    path = tmp_path / "resolverd.toml"
    path.write_text(CONFIG.replace("http://gpu1.example:8000", url))
    read = load_config(path).config.region["a"].endpoint[0].url
    assert "%25lo" not in read
    assert "%25eth0" not in read
    assert read.endswith("%25b") == url.endswith("%25b")


def test_a_server_name_in_unicode_is_read_as_a_labels(tmp_path: Path) -> None:
    path = tmp_path / "resolverd.toml"
    path.write_text(CONFIG + '[probe]\nsni = "Bücher.example"\n')
    assert written(load_config(path).config.probe)["sni"] == "xn--bcher-kva.example"


def test_a_default_that_nobody_wrote_is_named_as_such(tmp_path: Path) -> None:
    text = CONFIG.replace('"60s"\nfailover_ttl = "5s"', '"3s"')
    [problem] = [p for p in problems(tmp_path, text) if p.severity == "error"]
    assert problem.message == (
        "service.s: failover_ttl (5 s) is longer than ttl (3 s); "
        'service.s.failover_ttl = "5s" is the default: nobody wrote it'
    )
    assert problem.hint == 'write failover_ttl = "3s", or less'
