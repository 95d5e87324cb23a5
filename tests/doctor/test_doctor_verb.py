"""`resolverd doctor` run for real: its two outputs, exit codes, a port taken and one served."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli.cli_place import SERVER, SERVICES, write_place
from cli.command import process, resolverd
from cli.live import live
from harness.config import config_text

from resolverd.doctor.examine import examine
from resolverd.doctor.finding import IDS, LEVELS
from resolverd.doctor.procfs import Procfs

ROOT = Path(__file__).parents[2]
DOCTOR = ROOT / "resolverd" / "doctor"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory with a configuration, a zone and a city database."""
    write_place(tmp_path)
    (tmp_path / "resolverd.toml").write_text(config_text(SERVICES, server=SERVER))
    return tmp_path


@pytest.fixture
def taken() -> Iterator[int]:
    """A port of 127.0.0.1 that this process holds, over UDP and TCP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        udp.bind(tcp.getsockname())
        yield tcp.getsockname()[1]


def _by_id(report: Any, wanted: str) -> list[dict[str, str]]:
    return [finding for finding in report["findings"] if finding["id"] == wanted]


def test_a_host_without_faults_is_shown_in_aligned_rows(place: Path) -> None:
    ran = process("doctor", cwd=place)
    assert (ran.status, ran.err) == (0, "")
    *rows, empty, summary = ran.out.splitlines()
    assert empty == ""
    assert re.fullmatch(r"0 faults(, \d+ (warnings?|advice|ok))+", summary)
    at = rows[0].index("resolverd.toml")
    for row in rows:
        assert re.match(rf"({'|'.join(LEVELS)}) +[a-z0-9-]+ +$", row[:at]) or row[:at].isspace()
        assert row[at] != " "
        if row[:at].isspace():
            assert re.match(r"(hint|other): \S", row[at:])


def test_every_finding_for_programs_has_its_id_level_text_and_hint(place: Path) -> None:
    ran = process("doctor", "--json", cwd=place)
    report = ran.json()
    assert (ran.status, ran.err) == (0, "")
    assert (report["config"], report["engine"] in {"native", "reference"}) == (
        "resolverd.toml",
        True,
    )
    for finding in report["findings"]:
        assert finding.keys() == {"id", "level", "seen", "hint"}
        assert finding["seen"]
        assert finding["hint"] or finding["level"] == "ok", finding
    levels = [finding["level"] for finding in report["findings"]]
    assert report["worst"] == max(levels, key=LEVELS.index)
    assert {"engine", "port", "geo-age", "open-files", "clock"} <= {
        finding["id"] for finding in report["findings"]
    }


def test_the_operations_page_describes_every_finding() -> None:
    text = "".join(path.read_text() for path in DOCTOR.glob("*.py"))
    ids = set(re.findall(r'(?:Finding|untold)\(\s*"([a-z0-9-]+)"', text)) | {"port", "admin-port"}
    page = (ROOT / "docs" / "operations.md").read_text()
    section = page.partition("## The doctor")[2].partition("\n## ")[0]
    assert len(ids) > 15
    told = re.findall(r"^\| `([a-z0-9-]+)` \|", section, re.MULTILINE)
    assert sorted(told) == sorted(ids) == sorted(IDS)


def test_a_port_that_another_holds_is_a_fault_that_names_the_holder(
    place: Path, taken: int
) -> None:
    option = ("--set", f'server.listen=["127.0.0.1:{taken}"]')
    ran = resolverd("doctor", "--json", *option, cwd=place)
    (found,) = _by_id(ran.json(), "port")
    assert (ran.status, ran.json()["worst"], found["level"]) == (1, "fault", "fault")
    assert f"UDP 127.0.0.1:{taken}, TCP 127.0.0.1:{taken}" in found["seen"]
    assert f"(process {os.getpid()})" in found["seen"]
    plain = resolverd("doctor", *option, cwd=place)
    assert plain.status == 1
    assert found["seen"] in plain.out
    assert plain.out.splitlines()[-1].startswith("1 fault, ")


def test_a_wildcard_meets_what_holds_one_address(place: Path, taken: int) -> None:
    found: list[dict[str, Any]] = []
    for address in ("0.0.0.0", "127.0.0.2"):  # both at once are config-duplicate-listen
        option = f'server.listen=["{address}:{taken}"]'
        ran = resolverd("doctor", "--json", "--set", option, cwd=place)
        found += _by_id(ran.json(), "port")
    assert [each["level"] for each in found] == ["fault", "ok"]


def test_a_daemon_of_ours_is_serving_and_its_limits_are_those_examined(tmp_path: Path) -> None:
    write_place(tmp_path)
    with live(tmp_path, SERVICES, SERVER) as daemon:
        listen = f'server.listen=["127.0.0.1:{daemon.port}"]'
        ran = resolverd("doctor", "--json", "--set", listen, cwd=tmp_path)
        found = ran.json()
    assert ran.status == 0
    (port,) = _by_id(found, "port")
    assert port["level"] == "ok"
    assert (serving := re.search(r"resolverd is serving \(process (\d+)\)", port["seen"]))
    assert f"the daemon (process {serving[1]})" in _by_id(found, "open-files")[0]["seen"]
    assert "at the sockets that serve: 0" in _by_id(found, "udp-drops")[0]["seen"]


def test_without_a_configuration_the_defaults_stand_in_and_that_is_said(tmp_path: Path) -> None:
    report = resolverd("doctor", "--json", cwd=tmp_path).json()
    assert report["config"] is None
    (config,) = _by_id(report, "config")
    assert config["level"] == "advice"
    assert "there is no resolverd.toml" in config["seen"]
    assert len(_by_id(report, "port")) == 2
    assert [found["level"] for found in _by_id(report, "geo-precision")] == ["ok"]


def test_options_lie_over_the_defaults_too(tmp_path: Path) -> None:
    ran = resolverd("doctor", "--json", "--set", 'server.listen=["127.0.0.1:0"]', cwd=tmp_path)
    assert [found["seen"] for found in _by_id(ran.json(), "port")] == ["127.0.0.1:0 is free"]


def test_a_configuration_that_is_wrong_is_a_fault_and_the_rest_is_examined(place: Path) -> None:
    path = place / "resolverd.toml"
    path.write_text(path.read_text() + "\n[service.chatt]\nregions = ['mars']\n")
    ran = resolverd("doctor", "--json", cwd=place)
    (config,) = _by_id(ran.json(), "config")
    assert (ran.status, config["level"]) == (1, "fault")
    assert "mars" in config["seen"]
    assert config["hint"] == "resolverd check --config resolverd.toml"
    assert _by_id(ran.json(), "clock")


@pytest.mark.parametrize("configured", [True, False])
@pytest.mark.parametrize(
    "option", ["server.lisen=1", "server=1", "server.workers=none", "service.x.regions=['mars']"]
)
def test_a_wrong_option_is_refused_as_by_every_verb(
    place: Path, configured: bool, option: str
) -> None:
    if not configured:
        (place / "resolverd.toml").unlink()
    ran = resolverd("doctor", "--set", option, cwd=place)
    assert (ran.status, ran.out) == (1, "")
    assert option.partition("=")[0] in ran.err


def test_a_database_that_cannot_be_opened_is_a_fault(place: Path) -> None:
    ran = resolverd("doctor", "--json", "--set", 'server.geoip=["nope.mmdb"]', cwd=place)
    (found,) = _by_id(ran.json(), "geo-unreadable")
    assert (ran.status, found["level"]) == (1, "fault")
    assert "nope.mmdb" in found["seen"]


@pytest.mark.parametrize(("reason", "engine"), [(None, "native"), ("not built", "reference")])
def test_the_engine_is_what_the_library_allows(
    place: Path, monkeypatch: pytest.MonkeyPatch, reason: str | None, engine: str
) -> None:
    monkeypatch.setattr("resolverd.doctor.examine.why_not", lambda: reason)
    report = resolverd("doctor", "--json", cwd=place).json()
    assert report["engine"] == engine
    assert f"the {engine} engine would serve" in _by_id(report, "engine")[0]["seen"]


def test_an_engine_that_is_demanded_and_not_there_is_a_fault(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolverd.doctor.examine.why_not", lambda: "not built")
    monkeypatch.setattr("resolverd.doctor.examine.wanted_engine", lambda config: "native")
    ran = resolverd("doctor", "--json", cwd=place)
    assert (ran.status, ran.json()["engine"]) == (1, None)
    assert _by_id(ran.json(), "engine")[0]["level"] == "fault"


def test_one_finding_is_shown_alone_and_an_id_that_is_none_is_an_error(place: Path) -> None:
    report = resolverd("doctor", "--json", "--only", "engine", cwd=place).json()
    assert [found["id"] for found in report["findings"]] == ["engine"]
    refused = resolverd("doctor", "--only", "engines", cwd=place)
    assert (refused.status, refused.out) == (2, "")
    assert "did you mean engine?" in refused.err


@pytest.mark.parametrize("wanted", ["endpoint", "listen", "geo-unreadable"])
def test_an_id_of_which_there_is_nothing_to_examine_is_no_error(place: Path, wanted: str) -> None:
    """So that a monitor may ask for it on every host."""
    ran = resolverd("doctor", "--only", wanted, cwd=place)
    assert (ran.status, ran.err) == (0, "")
    assert f"{wanted}: there is nothing to examine here" in ran.out
    report = resolverd("doctor", "--json", "--only", wanted, cwd=place)
    assert (report.status, report.json()["worst"], report.json()["findings"]) == (0, "ok", [])


def test_a_host_that_shows_nothing_gets_findings_that_say_so(place: Path) -> None:
    empty = place / "empty"
    empty.mkdir()
    before = sorted(place.rglob("*"))
    report = examine(place / "resolverd.toml", (), Procfs(empty))
    hidden = {finding.id for finding in report.findings if "unknown" in finding.seen}
    assert hidden >= {"port", "open-files", "cores", "udp-buffer", "udp-drops", "conntrack"}
    assert {finding.level for finding in report.findings if finding.id in hidden} == {"advice"}
    assert sorted(place.rglob("*")) == before


def test_workers_of_the_native_engine_need_no_memory_of_their_own(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def memory(reason: str | None, workers: int) -> str:
        monkeypatch.setattr("resolverd.doctor.examine.why_not", lambda: reason)
        report = examine(place / "resolverd.toml", [("server.workers", workers)])
        return next(finding.seen for finding in report.findings if finding.id == "memory")

    assert memory(None, 4) == memory(None, 1) == memory("not built", 1)
    assert memory("not built", 4) != memory(None, 4)
