"""What a zone has where another of ours begins is warned of: it is never answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolverd.config.load import load_config
from resolverd.snapshot.edits import Terms, load_edit
from resolverd.snapshot.inputs import load_inputs
from resolverd.snapshot.use_checks import check_use
from resolverd.zone import nested
from resolverd.zone.files import read_source
from resolverd.zone.loader import load_zones
from resolverd.zone.nested import check_nested
from resolverd.zone.source import SourceFile

HEAD = "$TTL 60\n@ SOA ns.other. host.other. 1 3600 900 604800 60\n@ NS ns.other.\n"
CONFIG = """\
[server]
zones = ["*.zone"]
coordinates = [50.1, 8.7]
[region.a]
coordinates = [1, 2]
endpoint = [{address = ["192.0.2.10"], url = "http://192.0.2.10"}]
[service.chat]
regions = ["a"]
"""


def _found(place: Path, zones: dict[str, str]) -> list[str]:
    for name, records in zones.items():
        (place / f"{name}.zone").write_text(HEAD + records)
    loaded, problems = load_zones(["*.zone"], place, services={"chat": "address"})
    assert [p for p in problems if p.severity == "error"] == []
    found = [*problems, *(problem for each in check_nested(loaded) for problem in each.problems)]
    assert {p.severity for p in found} <= {"warning"}
    return [f"{Path(p.file).name}:{p.line}:{p.column}: {p.message}" for p in found]


NEVER = "never answered: sub.ex.test. is a zone of its own here"
INNER = f"is {NEVER}"


@pytest.mark.parametrize(
    ("outer", "found"),
    [
        ("x A 192.0.2.1\n", []),
        ("x.sub A 192.0.2.1\n", [f"ex.test.zone:4:1: x.sub.ex.test. A {INNER}"]),
        ("x.sub 60 DYNA chat\n", [f"ex.test.zone:4:1: x.sub.ex.test. DYNA {INNER}"]),
        ("sub A 192.0.2.1\n  TXT x\n", [f"ex.test.zone:4:1: sub.ex.test. A, TXT {INNER}"]),
        ("*.sub A 192.0.2.1\n", [f"ex.test.zone:4:1: *.sub.ex.test. A {INNER}"]),
        # The DS of the child is the outer zone's to answer, and an address may be glue.
        (f"sub DS 1 13 2 {64 * '0'}\n", []),
        ("d NS ns.sub\nns.sub A 192.0.2.1\n", []),
        ("xsub A 192.0.2.1\n", []),
        # However many names an inner zone hides, that is one finding.
        (
            "y A 192.0.2.1\nb.sub A 192.0.2.1\na.sub A 192.0.2.1\n",
            [f"ex.test.zone:5:1: b.sub.ex.test. A and 1 more name are {NEVER}"],
        ),
        (
            "$GENERATE 1-40 h$.sub A 192.0.2.$\n",
            [f"ex.test.zone:4:16: h1.sub.ex.test. A and 39 more names are {NEVER}"],
        ),
        # Where it is delegated too, that is what the finding says.
        (
            "sub NS ns.other.\nx.sub A 192.0.2.1\n",
            ["ex.test.zone:5:1: x.sub.ex.test. A is never answered: sub.ex.test. is delegated"],
        ),
    ],
)
def test_what_stands_where_another_zone_begins_is_warned_of(
    tmp_path: Path, outer: str, found: list[str]
) -> None:
    zones = {"ex.test": outer, "sub.ex.test": "x A 192.0.2.2\n", "unlike": ""}
    assert _found(tmp_path, zones) == found


def test_each_zone_is_warned_of_the_next_one_below(tmp_path: Path) -> None:
    zones = {"test": "a.b.test. A 192.0.2.1\n", "b.test": "a A 192.0.2.1\n", "a.b.test": ""}
    assert _found(tmp_path, zones) == [
        "b.test.zone:4:1: a.b.test. A is never answered: a.b.test. is a zone of its own here",
        "test.zone:4:1: a.b.test. A is never answered: b.test. is a zone of its own here",
    ]


def test_each_zone_within_one_has_its_finding(tmp_path: Path) -> None:
    outer = "a.z1 A 192.0.2.1\na.z2 A 192.0.2.1\nb.z1 A 192.0.2.1\n"
    found = _found(tmp_path, {"ex.test": outer, "z1.ex.test": "", "z2.ex.test": ""})
    assert [line.partition(" never")[0] for line in found] == [
        "ex.test.zone:4:1: a.z1.ex.test. A and 1 more name are",
        "ex.test.zone:5:1: a.z2.ex.test. A is",
    ]


@pytest.mark.parametrize(
    ("edited", "records", "again"),
    [
        ("unlike", "x A 192.0.2.9\n", False),
        ("sub.ex.test", "x A 192.0.2.9\n", False),
        ("new", "", False),
        ("ex.test", "x.sub A 192.0.2.9\n", True),
        ("x.ex.test", "", True),
    ],
)
async def test_an_edit_reads_an_outer_zone_again_that_it_changes_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edited: str, records: str, again: bool
) -> None:
    read: list[str] = []

    def noted(path: Path) -> SourceFile:
        read.append(path.name)
        return read_source(path)

    config = tmp_path / "resolverd.toml"
    config.write_text(CONFIG)
    for name, hidden in (("ex.test", "x.sub A 192.0.2.1\n"), ("sub.ex.test", ""), ("unlike", "")):
        (tmp_path / f"{name}.zone").write_text(HEAD + hidden)
    served = await load_inputs(config)
    monkeypatch.setattr(nested, "read_source", noted)
    (tmp_path / f"{edited}.zone").write_text(HEAD + records)
    edit = await load_edit(config, (), served, Terms(accept_losses=True))
    assert edit.outdated == ()
    assert read == ["ex.test.zone"] * again
    assert [p.message for p in edit.warnings if p.id == "zone-occluded"] == [
        f"x.sub.ex.test. A {INNER}"
    ]


def test_names_of_many_zones_within_one_are_found_as_those_of_one(tmp_path: Path) -> None:
    inner = {f"z{n}.ex.test": "" for n in range(40)}
    found = _found(tmp_path, {"ex.test": "a.z7 A 192.0.2.1\nz A 192.0.2.1\n", **inner})
    assert [line.partition(" is never")[0] for line in found] == [
        "ex.test.zone:4:1: a.z7.ex.test. A"
    ]


@pytest.mark.parametrize(
    ("records", "used"),
    [
        ("x.sub DYNA chat\n", False),
        ("d NS ns.other.\nx.d DYNA chat\n", False),
        ("x DYNA chat\n", True),
    ],
)
def test_a_dyna_that_is_never_answered_uses_no_service(
    tmp_path: Path, records: str, used: bool
) -> None:
    (tmp_path / "resolverd.toml").write_text(CONFIG)
    (tmp_path / "ex.test.zone").write_text(HEAD + records)
    (tmp_path / "sub.ex.test.zone").write_text(HEAD)
    zones, _ = load_zones(["*.zone"], tmp_path, services={"chat": "address"})
    config = load_config(tmp_path / "resolverd.toml").config
    findings = [finding.check for finding in check_use(config, zones.values())]
    assert findings == ["config-service-unused"] * (not used)
