"""Zones that are written alike and loaded together are what each is by itself."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import dns.name
import pytest
from harness.trials import trials
from hypothesis import example, given, settings
from hypothesis import strategies as st
from zone_files import SERVICES

from resolverd.dns.names import key_from_text
from resolverd.errors import Problem
from resolverd.snapshot.alike_nodes import AlikeNodes
from resolverd.snapshot.compile import compile_zone
from resolverd.zone import loader, reader
from resolverd.zone.alike_zones import AlikeZones
from resolverd.zone.loader import load_zones
from resolverd.zone.model import Zone
from resolverd.zone.past_pins import NOTHING_WITHHELD, Withheld
from resolverd.zone.source import SourceFile

SOAS = [
    "@ SOA ns1 host {serial} 3600 900 604800 300",
    "@ 60 IN soa ns1.z host.example.com. ( {serial} ; serial\n  1h 15m 1w 5m )",
    "@ IN SOA ns1.example. host (\n  {serial}\n  3600 900 604800 300 )",
    "; @ SOA ns1 host 5 3600\n@ SOA ns1 host {serial} 3600 900 604800 300",
    "SOA IN DYNA 5\n@ SOA ns1 host {serial} 3600 900 604800 300",
    "@ SOA ns1 host {serial} 3600 900 604800 86401",
    "@ SOA ns1 host 5 3600 900 604800 300 ; {serial}",
]
LINES = [
    "a A 192.0.2.2",
    "a 60 A 192.0.2.3",
    "A AAAA 2001:db8::1",
    "b CNAME a",
    "b CNAME a.b",
    "c CNAME ns1.example.",
    "d CNAME host.z.example.",
    "e.f.g A 192.0.2.4",
    "*.w 5 A 192.0.2.5",
    "h NS ns1",
    "@ NS ns2.w",
    "@ NS ns1.y.example.",
    "www.z.example A 192.0.2.6",
    "www.z.example. A 192.0.2.6",
    "geo DYNA chat",
    "geo 0 DYNA chat",
    "alias DYNA edge",
    "_no-region TXT x",
    "m MX 1 a",
    "n DNAME a",
    "t TXT z.example",
    r"\097b A 192.0.2.7",
    "$TTL 7",
    "$ORIGIN q",
    "$GENERATE 1-2 g$ A 192.0.2.$",
    "x" * 63 + " A 192.0.2.8",
    f"{'x' * 63}.{'y' * 63}.{'z' * 63}.{'w' * 20} A 192.0.2.8",
    "; remark",
    "",
]
BLANK = [" A 192.0.2.9", "  ; remark"]
ABOVE = ["", "$TTL 5\n", "; remark\n\n$TTL 9\n", "  ; remark\n", "a A 192.0.2.1\n"]
# The last ones lie in one another, or in the way of what the lines name.
ORIGINS = [
    *("p.example.", "q.example.", "Q.other.", "deeper.r.example.", f"{'l' * 40}.{'k' * 40}."),
    *("z.example.", "y.example.", "w.p.example.", "example.", "b."),
]
bodies = st.lists(st.sampled_from([*LINES, *BLANK]), max_size=6)
written = st.lists(
    st.tuples(
        st.sampled_from(ORIGINS), st.sampled_from([7, 8, 5, 2**32 - 1, 2**32]), st.booleans()
    ),
    min_size=3,
    max_size=6,
)


@settings(max_examples=trials(300, 1500), deadline=None)
@given(st.sampled_from(SOAS), st.sampled_from(ABOVE), bodies, written)
@example(SOAS[0], "", ["b CNAME a", "geo DYNA chat"], [(o, 7, True) for o in ORIGINS])
@example(SOAS[1], "", ["*.w 5 A 192.0.2.5"], [(o, 7, False) for o in ORIGINS])
@example(SOAS[3], ABOVE[2], ["www.z.example A 192.0.2.6"], [(o, 5, True) for o in ORIGINS])
@example(SOAS[4], "", [], [(o, 5, True) for o in ORIGINS])
@example(SOAS[6], "", [], [(ORIGINS[0], 5, True), (ORIGINS[1], 5, True), (ORIGINS[2], 8, True)])
def test_zones_written_alike_are_as_each_is_by_itself(
    soa: str, above: str, body: list[str], zones: list[tuple[str, int, bool]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        texts = dict[str, str]()
        for number, (origin, serial, named) in enumerate(zones):
            rest = [soa.format(serial=serial), "@ NS ns1", "ns1 A 192.0.2.1", *body]
            head = f"{above}$ORIGIN {origin}\n" if named else "$TTL 60\n"
            directory = place / str(number)
            directory.mkdir()
            (directory / f"{origin}zone").write_text(head + "\n".join(rest) + "\n")
            texts[str(number)] = origin
        assert loaded(place, "*/*.zone") == apart(place, "*/*.zone")


def loaded(place: Path, pattern: str, withheld: Withheld = NOTHING_WITHHELD) -> object:
    """All that a load gives: zones, their Plans, and findings."""
    zones, problems = load_zones([pattern], place, services=SERVICES, withheld=withheld)
    alike = AlikeNodes()
    plans = [compile_zone(zone, None, alike) for zone in zones.values()]
    return shown(zones), [(plan, list(plan.nodes)) for plan in plans], problems


def apart(place: Path, pattern: str, withheld: Withheld = NOTHING_WITHHELD) -> object:
    """The same, each zone read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AlikeZones, "zone", lambda *_: None)
        return loaded(place, pattern, withheld)


@contextmanager
def read_files() -> Iterator[list[str]]:
    """The names of the files that are read meanwhile, rather than made of a pattern."""
    names: list[str] = []
    read = reader.read_master

    def noted(source: SourceFile, *more: object) -> object:
        names.append(source.path.name)
        return read(source, *more)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loader, "read_master", noted)
        yield names


def write(place: Path, texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        (place / f"{name}.zone").write_text(text)


ZONE = """\
$ORIGIN {origin}.
$TTL 60
@ SOA ns1 hostmaster {serial} 3600 900 604800 300
@ NS ns1
@ NS ns2.example.com.
ns1 A 192.0.2.53
www AAAA 2001:db8::80
ftp CNAME www
geo DYNA chat
"""


def zones(count: int, text: str = ZONE) -> dict[str, str]:
    return {f"z{n}": text.format(origin=f"z{n}.example", serial=n) for n in range(count)}


def test_of_zones_written_alike_one_is_read(tmp_path: Path) -> None:
    write(tmp_path, zones(6))
    with read_files() as names:
        loaded(tmp_path, "*.zone")
    assert names == ["z0.zone"]
    assert loaded(tmp_path, "*.zone") == apart(tmp_path, "*.zone")


def test_many_patterns_side_by_side_may_differ_in_their_negative_ttls(tmp_path: Path) -> None:
    """Each has a name that no file has, which tells why no region serves, for so many seconds."""
    for number in range(5):
        for minimum in range(20):
            name = f"p{number}x{minimum}"
            text = ZONE.replace(" 300\n", f" {minimum + 1}\n")
            (tmp_path / f"{name}.zone").write_text(text.format(origin=f"{name}.example", serial=1))
    assert loaded(tmp_path, "*.zone") == apart(tmp_path, "*.zone")


@pytest.mark.parametrize(
    "line",
    [
        "deeper.z3.example. A 192.0.2.1",
        "sub NS ns1\n",
        "m MX 1 www",
        r"\119 A 192.0.2.1",
        "g TXT z3.example",
        "old 90000000 SOA ns1 hostmaster 1 3600 900 604800 300",
    ],
)
def test_what_may_say_more_under_one_origin_is_read(tmp_path: Path, line: str) -> None:
    write(tmp_path, zones(5, f"{ZONE}{line}\n"))
    with read_files() as names:
        assert loaded(tmp_path, "*.zone") == apart(tmp_path, "*.zone")
    assert "z3.zone" in names


def test_an_alias_of_a_withheld_host_is_found_in_the_zone_that_has_it(tmp_path: Path) -> None:
    write(tmp_path, zones(4))
    withheld = Withheld(
        names={key_from_text("www.z2.example"): "eu's, which pin de keeps"},
        fenced=frozenset({"chat"}),
    )
    _, problems = load_zones(["*.zone"], tmp_path, services=SERVICES, withheld=withheld)
    assert [(Path(p.file).name, p.id) for p in problems] == [("z2.zone", "zone-past-pin")]


def test_a_zone_that_was_there_before_is_read_and_its_serial_compared(tmp_path: Path) -> None:
    write(tmp_path, zones(3))
    before, _ = load_zones(["*.zone"], tmp_path, services=SERVICES)
    write(tmp_path, {"z2": ZONE.format(origin="z2.example", serial=1)})
    (tmp_path / "z0.zone").rename(tmp_path / "moved.zone")
    write(tmp_path, {"new": ZONE.format(origin="new.example", serial=1)})
    after, problems = load_zones(["*.zone"], tmp_path, services=SERVICES, previous=before)
    assert ids(problems) == ["zone-serial-backward"]
    assert after[dns.name.from_text("z1.example")] is before[dns.name.from_text("z1.example")]
    assert len(after) == 4


def test_a_zone_with_a_finding_is_no_pattern(tmp_path: Path) -> None:
    write(tmp_path, zones(3, ZONE.replace("604800 300", "604800 90000")))
    with read_files() as names:
        _, problems = load_zones(["*.zone"], tmp_path, services=SERVICES)
    assert len(names) == 3
    assert ids(problems) == 3 * ["zone-soa-minimum"]


def test_a_file_that_is_written_twice_is_found(tmp_path: Path) -> None:
    write(tmp_path, zones(3))
    write(tmp_path, {"z9": ZONE.format(origin="Z1.example", serial=1)})
    found, problems = load_zones(["*.zone"], tmp_path, services=SERVICES)
    assert ids(problems) == ["zone-duplicate-origin"]
    assert len(found) == 2


def ids(problems: list[Problem]) -> list[str]:
    return [problem.id for problem in problems]


def shown(zones: Mapping[dns.name.Name, Zone]) -> object:
    """Everything of every zone, spelling and order included."""
    return [
        (
            origin.labels,
            zone.files,
            zone.digests,
            zone.warnings,
            zone.checked_by,
            zone.reading,
            [
                (
                    *(key, rrset.owner.labels, rdtype, rrset.rdtype, rrset.ttl),
                    *((type(rdata), repr(rdata), rdata.to_wire()) for rdata in rrset.rdatas),
                )
                for key, rrsets in zone.rrsets.items()
                for rdtype, rrset in rrsets.items()
            ],
        )
        for origin, zone in zones.items()
    ]
