"""Every verb as an operator meets it: help, human output, JSON, and what each mistake says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from cli.command import process, resolverd

from resolverd.cli.check import FIRST_CONFIG, FIRST_ZONE

VERBS: list[tuple[str, ...]] = [
    (),
    ("serve",),
    ("check",),
    ("doctor",),
    ("state",),
    ("explain",),
    ("override",),
    ("clear",),
    ("reload",),
    ("template",),
    ("template", "grafana"),
    ("template", "prometheus"),
    ("template", "alerts"),
    ("geo",),
    ("geo", "fetch"),
    ("geo", "lookup"),
    ("demo",),
]


@pytest.fixture
def place(place: Path) -> Path:
    """The same, with nothing to warn of: every region has both families, and both are probed."""
    path = place / "resolverd.toml"
    text = path.read_text().replace("['192.0.2.20']", "['192.0.2.20', '2001:db8::20']")
    path.write_text(re.sub(r"http://192\.0\.2\.(\d+)", r"http://gpu\1.example", text))
    return place


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_help_says_what_it_does_and_gives_examples(verb: tuple[str, ...], tmp_path: Path) -> None:
    ran = resolverd(*verb, "--help", cwd=tmp_path)
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith(" ".join(("usage: resolverd", *verb)))
    examples = ran.out.partition("examples:\n")[2]
    assert f"  {' '.join(('resolverd', *verb))}" in examples


def test_every_positional_and_option_is_explained(tmp_path: Path) -> None:
    for verb in VERBS:
        printed = resolverd(*verb, "--help", cwd=tmp_path).out.partition("examples:")[0]
        rows = re.findall(r"^  (?:-|[A-Z]).*\n? {0,30}.*$", printed, re.MULTILINE)
        assert rows
        for row in rows:
            assert re.search(r"\S\n? {2,}\S", row) or row.strip()[:4] in {"VERB", "USE"}, row


def test_check_of_what_is_good_counts_it(place: Path) -> None:
    ran = resolverd("check", cwd=place)
    assert ran.status == 0
    summary, *fences = ran.out.splitlines()
    counted = "1 zone, 3 services, 4 regions, 4 probes"
    assert summary == f"resolverd.toml: good, with 2 warnings: {counted}"
    assert "  chat, no pin: 3 of 4 regions may fail" in fences
    assert "  chat, pin gdpr: one region (eu-west): no failover within this fence" in fences
    assert ran.err.count("config-pin-bypassed") == 2


def test_check_of_what_is_good_in_json(place: Path) -> None:
    ran = resolverd("check", "--json", cwd=place)
    printed = ran.json()
    assert (ran.status, printed["served"]) == (0, True)
    assert {problem["severity"] for problem in printed["problems"]} == {"warning"}
    gdpr = {"service": "chat", "pins": ["gdpr"], "regions": ["eu-west"], "may_fail": 0}
    assert gdpr in printed["fences"]


def test_check_prints_warnings_and_is_content(place: Path) -> None:
    _append(place, '\n[pin.narrow]\nsubnets = ["203.0.113.0/28"]\nregions = ["us-east"]\n')
    ran = resolverd("check", cwd=place)
    assert ran.status == 0
    assert ran.out.startswith("resolverd.toml: good, with 3 warnings: ")
    assert ran.err.startswith("warning: resolverd.toml:")
    assert "config-pin-narrow" in ran.err
    found = resolverd("check", "--json", cwd=place).json()["problems"]
    assert ("config-pin-narrow", "warning") in {(f["id"], f["severity"]) for f in found}


def test_check_reports_every_problem_of_every_file_as_the_operator_named_it(place: Path) -> None:
    zone = place / "zones" / "inference.zone"
    zone.write_text(zone.read_text() + "mail A 192.0.2.256\ntxt\tDYNA\tchatt\n")
    ran = resolverd("check", cwd=place)
    assert (ran.status, ran.out) == (1, "")
    assert "zones/inference.zone:14:" in ran.err
    assert str(place) not in ran.err
    lines = ran.err.splitlines()
    assert lines[-1] == "2 problems; nothing of this would be served"
    assert sum(line.startswith("    hint: ") for line in lines) == 4  # of warnings too
    report = resolverd("check", "--json", cwd=place)
    assert report.status == 1
    assert report.json()["served"] is False
    refused = [p for p in report.json()["problems"] if p["severity"] == "error"]
    assert [p["file"] for p in refused] == ["zones/inference.zone"] * 2


@pytest.mark.parametrize("named", ["resolverd.toml", "./resolverd.toml", "{}/resolverd.toml"])
def test_a_file_is_named_as_the_operator_wrote_its_directory(place: Path, named: str) -> None:
    config = named.format(place)
    (place / "zones" / "inference.zone").write_text("$ORIGIN inference.example.\n@ NS ns.other.\n")
    ran = resolverd("check", "--config", config, cwd=place)
    prefix = f"{place}/" if named.startswith("{}") else ""
    assert ran.err.startswith(f"{prefix}zones/inference.zone:")


def test_a_problem_is_shown_to_the_letter(place: Path) -> None:
    """Line 100 is no picture, and brackets are no markup."""
    zone = place / "zones" / "inference.zone"
    text = zone.read_text()
    filler = "\n" * (99 - text.count("\n"))
    zone.write_text(f"{text}{filler}mail TXT [bold] :100: x [/bold\nv6 AAAA 2001:db8:a:b:zz\n")
    ran = resolverd("check", cwd=place)
    assert ran.status == 1
    assert "zones/inference.zone:101:" in ran.err
    assert "2001:db8:a:b:zz" in ran.err
    zone.write_text(f"{text}{filler}mail A [bold]:b:\n")
    ran = resolverd("check", cwd=place)
    assert "zones/inference.zone:100:" in ran.err
    assert "    mail A [bold]:b:\n" in ran.err


@pytest.mark.parametrize("verb", [("check",), ("serve",), ("explain", "chat.example", "192.0.2.1")])
def test_without_a_configuration_it_says_what_to_do_next(
    verb: tuple[str, ...], tmp_path: Path
) -> None:
    # A daemon takes standard error for itself, so it is a process of its own.
    run = process if verb == ("serve",) else resolverd
    ran = run(*verb, cwd=tmp_path)
    assert (ran.status, ran.out) == (1, "")
    assert "resolverd.toml" in ran.err
    assert "there is no such file here" in ran.err
    assert "--config" in ran.err
    assert "resolverd check --help" in ran.err


def test_the_files_that_help_offers_to_start_from_are_good(tmp_path: Path) -> None:
    printed = resolverd("check", "--help", cwd=tmp_path).out
    for name, text in (("resolverd.toml", FIRST_CONFIG), ("inference.zone", FIRST_ZONE)):
        assert "".join(f"  {line}\n" if line else "\n" for line in text.splitlines()) in printed
        (tmp_path / name).write_text(text)
    ran = resolverd("check", cwd=tmp_path)
    assert (ran.status, ran.err) == (0, "")


def test_set_lies_over_the_file(place: Path) -> None:
    ran = resolverd("check", "--set", "service.chat.policy=failover", cwd=place)
    assert ran.status == 0
    ran = resolverd("check", "--set", "server.workers=none", cwd=place)
    assert ran.status == 1
    assert "server.workers" in ran.err


EXPLAIN = ("explain", "chat.inference.example", "1.2.3.4")
WRONG: dict[str, tuple[tuple[str, ...], int, str]] = {
    "no verb": ((), 2, "verbs:\n"),
    "unknown verb": (("serv",), 2, "invalid choice: 'serv'"),
    "unknown option": (("check", "--jsn"), 2, "--jsn"),
    "no use": (("geo",), 2, "uses:\n"),
    "config missing": (("check", "--config", "nope.toml"), 1, "nope.toml: config-unreadable"),
    "config is a directory": (("check", "--config", "zones"), 1, "it is a directory"),
    "config under a file": (("check", "--config", "city.mmdb/x"), 1, "Not a directory"),
    "config name empty": (("check", "--config", ""), 2, "names no file"),
    "config name is the root": (("check", "--config", "/"), 2, "names no file"),
    "config name too long": (("check", "--config", "x" * 5000), 1, "too long"),
    "config is binary": (("check", "--config", "city.mmdb"), 1, "config-unreadable"),
    "set without value": (("check", "--set", "server.workers"), 2, "is not KEY=VALUE"),
    "set without key": (("check", "--set", "=1"), 2, "is not KEY=VALUE"),
    "set of half a key": (("check", "--set", "server.=1"), 2, "is not KEY=VALUE"),
    "set of an unknown key": (("check", "--set", "server.lisen=1"), 1, "did you mean listen"),
    "set of a wrong value": (("check", "--set", "server.listen=[1]"), 1, "is not ADDRESS:PORT"),
    "no zones there": (("check", "--set", 'server.zones=["x/*"]'), 1, "x/*: zone-no-file"),
    "database missing": (("check", "--set", 'server.geoip=["x.mmdb"]'), 1, "x.mmdb"),
    "explain a bad address": ((*EXPLAIN[:2], "1.2.3"), 2, '"1.2.3" is not an address'),
    "explain host bits": ((*EXPLAIN[:2], "1.2.3.4/24"), 2, "did you mean 1.2.3.0/24?"),
    "explain everybody": ((*EXPLAIN[:2], "::/0"), 2, "the address of the resolver counts"),
    "explain an unknown region": ((*EXPLAIN, "--down", "mars"), 2, 'no region "mars"'),
    "explain outside": (("explain", "a.example", "::1"), 2, "zones here: inference.example"),
    "explain the root": (("explain", ".", "::1"), 2, "lies in no zone"),
    "explain no name": (("explain", "", "::1"), 2, "lies in no zone"),
    "explain a bad name": (("explain", "a..example", "::1"), 2, "is not a domain name"),
    "explain a long name": (("explain", "a" * 64 + ".example", "::1"), 2, "not a domain name"),
    "explain what is static": (
        ("explain", "www.inference.example", "::1"), 2,
        "the same for everybody; DYNA names here: alias.inference.example, chat.inference.example",
    ),
    "explain nothing": (("explain", "x.inference.example", "::1"), 2, "does not exist"),
    "explain an alias": (
        ("explain", "also.inference.example", "::1"), 2, "is an alias of chat.inference.example;"
    ),
    "explain below a DNAME": (
        ("explain", "a.old.inference.example", "::1"), 2,
        "is an alias, by the DNAME of old.inference.example;",
    ),
    "explain below a cut": (("explain", "a.cut.inference.example", "::1"), 2, "is delegated"),
    "look up a bad address": (("geo", "lookup", "1.1.1.1", "x"), 2, '"x" is not an IPv4 or IPv6'),
    "look up a network": (("geo", "lookup", "1.1.1.0/24"), 2, "is not an IPv4 or IPv6"),
    "look up in no file": (("geo", "lookup", "--database", "x", "::1"), 1, "x: No such file"),
    "look up in a text": (
        ("geo", "lookup", "--database", "resolverd.toml", "::1"), 1, "not a database"
    ),
    "look up in a directory": (
        ("geo", "lookup", "--database", "zones", "::1"), 1, "zones: it is a directory"
    ),
    "place without a longitude": (
        ("kube", "--region", "x", "--coordinates", "-33.9,"), 2, "is not LATITUDE,LONGITUDE"
    ),
    "no place for --once": (("kube", "--region", "x", "--once", "-3,4"), 2, "explicit argument"),
    "fetch from nowhere": (("geo", "fetch", "--url", ""), 2, "is not an http or https URL"),
    "fetch from a file": (("geo", "fetch", "--url", "file:///x"), 2, "is not an http or https"),
    "fetch from no host": (("geo", "fetch", "--url", "http://"), 2, "is not an http or https"),
    "fetch from brackets": (("geo", "fetch", "--url", "http://[a"), 2, "is not an http or https"),
    "fetch from a bad port": (("geo", "fetch", "--url", "http://a:99999/"), 2, "is not an http"),
    "fetch from two": (("geo", "fetch", "--dbip", "--maxmind"), 2, "not allowed with"),
    "fetch into a file": (
        ("geo", "fetch", "city.mmdb", "--url", "http://127.0.0.1:1/x"), 3,
        "city.mmdb: cannot be written",
    ),
    "fetch where nobody listens": (
        ("geo", "fetch", "--url", "http://127.0.0.1:1/x.mmdb"), 3, "the download failed"
    ),
    "fetch without a key": (("geo", "fetch", "--maxmind"), 3, "GEOIPUPDATE_ACCOUNT_ID"),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "status", "printed"), WRONG.values(), ids=WRONG.keys())
def test_a_mistake_gets_its_exit_code_and_a_message_on_standard_error(
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    status: int,
    printed: str,
) -> None:
    monkeypatch.delenv("GEOIPUPDATE_ACCOUNT_ID", raising=False)
    before = sorted(place.rglob("*"))
    ran = resolverd(*arguments, cwd=place)
    assert (ran.status, ran.out) == (status, ""), ran.err
    assert printed in ran.err
    assert sorted(place.rglob("*")) == before


def test_a_process_ends_with_the_same_status_and_text(place: Path) -> None:
    for arguments in (("check",), EXPLAIN, ("explain", "a.example", "::1"), ("check", "--x")):
        assert process(*arguments, cwd=place) == resolverd(*arguments, cwd=place)


def test_what_the_terminal_cannot_write_is_escaped(place: Path) -> None:
    zone = place / "zones" / "inference.zone"
    zone.write_text(zone.read_text() + "a A \u201cx\u201d\n")
    ran = process("check", "--json", cwd=place, PYTHONIOENCODING="ascii:strict")
    assert ran.status == 1
    assert "\\u201cx" in ran.out


BENT = ["region=1", "service=1", "server=1", "server.listen.x=1", "region.us-east.endpoint.9.url=x",
        "region.us-east.endpoint.x.url=x"]  # fmt: skip


@pytest.mark.parametrize("option", BENT)
def test_an_option_of_another_kind_is_refused(place: Path, option: str) -> None:
    ran = resolverd("check", "--set", option, cwd=place)
    assert ran.status in {1, 2}
    assert option.partition("=")[0] in ran.err


def _append(place: Path, text: str) -> None:
    path = place / "resolverd.toml"
    path.write_text(path.read_text() + text)


def test_check_of_a_zone_of_bind_s_says_what_would_change(tmp_path: Path) -> None:
    (tmp_path / "db.z.example").write_text(
        "$ORIGIN .\n$TTL 300\n"
        "z.example IN SOA ns.x. host.x. 1 3600 900 604800 60\n NS ns.x.\n"
        "$ORIGIN z.example.\na MX 10 missing\nother.example. A 192.0.2.1\n"
        "$GENERATE 1-2 h${5}-$ A 192.0.2.1\n"
    )
    ran = resolverd("check", "--import", "db.z.example", cwd=tmp_path)
    assert (ran.status, ran.err) == (0, "")
    headings = re.findall(r"^  (\S.*):$", ran.out, re.MULTILINE)
    assert ran.out.startswith("db.z.example: the zone z.example., 5 records\n")
    assert headings == [
        "left out, and never answered",
        "read otherwise than BIND reads it",
        'served, and refused with server.zone_checks = "strict"',
    ]
    (tmp_path / "bad").write_text("$ORIGIN z.example.\n*.x 5 NS ns.x.\n")
    both = resolverd("check", "--import", "db.z.example", "bad", "--json", cwd=tmp_path)
    assert both.status == 1
    good, bad = json.loads(both.out)["files"]
    assert (good["zone"], good["records"], good["findings"]["refused"]) == ("z.example.", 5, [])
    assert {p["id"] for p in bad["findings"]["refused"]} >= {"zone-wildcard-ns", "zone-missing-soa"}
