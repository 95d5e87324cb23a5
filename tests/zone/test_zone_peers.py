"""Every directive of RFC 1035 §5, RFC 2308 §4 and BIND's manual is read as the peers read it."""

from __future__ import annotations

import itertools
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from peers import accepted, compiled, has_ttls_that_differ, parsed, peer, printed, read
from test_zone_properties import EVERY_TYPE
from zone_files import HEAD, ORIGIN, load_text

from resolverd.dns.names import key_from_text
from resolverd.zone.loader import load_zones

ZONE = "z.example"
NAMED = ("named-compilezone", "bind9-utils")
NSD = ("nsd-checkzone", "nsd")
KNOT = ("kzonecheck", "knot-dnssecutils")

HEADS = {
    "$TTL": HEAD,
    "the SOA's own TTL": HEAD.replace("$TTL 3600\n", "").replace("@ SOA", "@ 1h SOA"),
    "the SOA's minimum": HEAD.replace("$TTL 3600\n", ""),
}
# An entry is written for a number that is its own, so that no two records are of one RRset: what
# the peers do about TTLs that differ there is not compared.
Entry = Callable[[int], str]


def _record(shape: str) -> Entry:
    return lambda n: shape.replace("%", str(n))


plain = st.sampled_from(
    [
        "o% A 192.0.2.%",
        "o% 7 A 192.0.2.%",
        "o% 1h2m IN A 192.0.2.%",
        "o% IN 9 A 192.0.2.%",
        "o%.z.example. 1w TXT a b%",
        'o% TXT "a;(b" \\"%',
        "o% ( KX % ; (\n\tmail )",
        "*.w% RP a\\.b.o% .",
        "\\@% TXT \\064\\$",
        "$ORIGIN s%.z.example.",
        "$ORIGIN z.example.",
        "$TTL %",
        "",
        " ; a comment",
    ]
).map(_record)
# NSD takes absolute names there alone, and 4.12 capital letters; it repeats an included file's last
# owner after it.
relative = st.sampled_from(["$ORIGIN s%", "$origin @", "$ttl 2h%m"]).map(_record)
blank = st.just(_record("\t \tTYPE600% \\# 1 0a"))
generated = st.sampled_from(
    [
        "$GENERATE 1-3 g%-$ A 192.0.2.$",
        "$GENERATE 1-3/2 g%-$ 5 IN A 192.0.2.$",
        '$generate 8-11 g%-${0,3} A "192.0.2.${-3}"',
        '$GENERATE 1-2 g%-${10,4,x} 5 KX "10 mail$"',
        '$GENERATE 1-2 g%.${0,4,X} TXT "a \\"b $\\" ${0,0,o}"',
        "$GENERATE 9-17 g%.${0,3,n}.${0,5,N} CNAME h${-9,2,d}.${0}.o",
        "$GENERATE 5-5 g%$$ TXT \\$$",
        '$GENERATE 5-5 g%\\$ CNAME "a\\.b" ; $',
    ]
).map(_record)
entries = st.lists(st.one_of(plain, relative, blank, generated), max_size=8)
flat = st.lists(plain, max_size=8)


def _include(origin: str, entries: list[Entry]) -> tuple[str, list[Entry]]:
    return origin, entries


def _written(
    head: str, parts: list[tuple[str, list[Entry]] | list[Entry]]
) -> tuple[str, Mapping[str, str]]:
    """The master file, and the files that it includes by name."""
    numbers = itertools.count(1)
    text, files = head + f"o{next(numbers)} A 192.0.2.1\n", {}
    for index, part in enumerate(parts):
        if isinstance(part, list):
            text += "".join(f"{entry(next(numbers))}\n" for entry in part)
            continue
        origin, inside = part
        # What is included begins with an owner: BIND has none to repeat there.
        files[f"part{index}"] = f"o{next(numbers)} A 192.0.2.1\n" + "".join(
            f"{entry(next(numbers))}\n" for entry in inside
        )
        text += f"$INCLUDE part{index} {origin}\n"
    return text, files


def _parts(
    inside: st.SearchStrategy[list[Entry]], *origins: str
) -> st.SearchStrategy[list[tuple[str, list[Entry]] | list[Entry]]]:
    written = st.sampled_from(["", "j.z.example.", "; none", *origins])
    return st.lists(st.one_of(inside, st.builds(_include, written, inside)), max_size=5)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(list(HEADS.values())), _parts(entries, "i", "@"))
def test_a_zone_has_the_records_that_bind_reads(
    head: str, parts: list[tuple[str, list[Entry]] | list[Entry]]
) -> None:
    program = peer(*NAMED)
    text, files = _written(head, parts)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        zones, problems = load_text(folder, text, others=files)
        assert problems == []
        theirs = parsed(compiled(program, ZONE, folder / "z.example.zone"), ZONE)
    assert read(zones[ORIGIN]) == theirs


@settings(max_examples=40, deadline=None)
@given(_parts(flat))
def test_a_zone_has_the_records_that_nsd_reads(
    parts: list[tuple[str, list[Entry]] | list[Entry]],
) -> None:
    program = peer(*NSD)
    text, files = _written(HEAD, parts)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        zones, problems = load_text(folder, text, others=files)
        assert problems == []
        theirs = parsed(printed(program, ZONE, folder / "z.example.zone"), ZONE)
    assert read(zones[ORIGIN]) == theirs


broken = st.sampled_from(
    [
        "o A 192.0.2.256",
        "o 1x A 192.0.2.1",
        "o A 192.0.2.1 192.0.2.2",
        "o A",
        "o MX 10",
        "o ( A 192.0.2.1",
        'o TXT "a',
        f"{'o' * 64} A 192.0.2.1",
        "o..o A 192.0.2.1",
        "o NOSUCHTYPE 1",
        "o TYPE600 \\# 2 0a",
        "$TTL",
        "$ORIGIN",
        "$INCLUDE",
        "$INCLUDE nowhere",
        "$NOTHING 1",
        "@ CNAME o",
        "ns1 CNAME o",
        "o CNAME a\no CNAME b",
    ]
)


@settings(max_examples=40, deadline=None)
@given(_parts(flat))
def test_a_zone_that_is_taken_is_taken_by_knot(
    parts: list[tuple[str, list[Entry]] | list[Entry]],
) -> None:
    program = peer(*KNOT)
    text, files = _written(HEAD, parts)
    with tempfile.TemporaryDirectory() as name:
        zones, problems = load_text(Path(name), text, others=files)
        assert (list(zones), problems) == ([ORIGIN], [])
        assert accepted(program, ZONE, Path(name) / "z.example.zone")


@settings(max_examples=60, deadline=None)
@given(_parts(flat), broken)
def test_a_zone_that_knot_refuses_for_a_line_is_refused_for_it(
    parts: list[tuple[str, list[Entry]] | list[Entry]], line: str
) -> None:
    program = peer(*KNOT)
    text, files = _written(HEAD, parts)
    with tempfile.TemporaryDirectory() as name:
        zones, problems = load_text(Path(name), f"{text}$ORIGIN {ZONE}.\n{line}\n", others=files)
        assert not accepted(program, ZONE, Path(name) / "z.example.zone")
    assert zones == {}
    first = text.count("\n") + 2
    assert all(problem.line >= first or line.startswith(("@", "ns1")) for problem in problems)


def test_every_type_has_the_data_that_bind_reads(tmp_path: Path) -> None:
    program = peer(*NAMED)
    unknown = {"BRID", "CLA", "DSYNC", "DYNA", "HHIT", "IPN", "RESINFO", "WALLET"}
    refused = {"MD", "MF", "NSEC3"}
    for index, (rdtype, data) in enumerate(EVERY_TYPE.items()):
        if rdtype in unknown | refused:
            continue
        zones, _ = load_text(tmp_path, f"{HEAD}t{index} {rdtype} {data}\n")
        text = compiled(program, ZONE, tmp_path / "z.example.zone")
        theirs, problems = load_text(tmp_path, text)
        assert problems == []
        assert read(zones[ORIGIN]) == read(theirs[ORIGIN]), rdtype
        generic = next(iter(zones[ORIGIN].rrsets[key_from_text(f"t{index}.z.example")].values()))
        load_text(tmp_path, f"{HEAD}t{index} {rdtype} {generic.rdatas[0].to_generic()}\n")
        again = compiled(program, ZONE, tmp_path / "z.example.zone")
        assert again == text, rdtype


@pytest.mark.parametrize("style", ["relative", "full"])
@settings(max_examples=15, deadline=None)
@given(entries)
def test_a_zone_that_bind_wrote_is_the_zone_that_it_read(style: str, written: list[Entry]) -> None:
    program = peer(*NAMED)
    text, files = _written(HEAD, [written])
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "z.example.zone"
        zones, _ = load_text(file.parent, text, others=files)
        content = compiled(program, ZONE, file, style)
        again, problems = load_text(file.parent, content)
    assert problems == []
    assert read(again[ORIGIN]) == read(zones[ORIGIN])


def test_our_own_zones_as_bind_writes_them_are_the_same_zones(tmp_path: Path) -> None:
    program = peer(*NAMED)
    for source in sorted(Path("zones").glob("*.zone")):
        static = re.sub(r"(?m)^(\S+)(.*)\bDYNA\b.*$", r"\1\2TXT steered", source.read_text())
        file = tmp_path / source.name
        file.write_text(static)
        [zone] = load_zones([source.name], tmp_path, services={})[0].values()
        for style in ("relative", "full"):
            file.write_text(static)
            file.write_text(compiled(program, str(zone.origin), file, style))
            again, problems = load_zones([source.name], tmp_path, services={})
            assert problems == []
            assert read(again[zone.origin]) == read(zone)


@pytest.mark.parametrize(
    "line",
    [
        "$GENERATE 1-2 h${0,3 A 192.0.2.1",
        "$GENERATE 1-2 h${} A 192.0.2.1",
        "$GENERATE 1-2 h${1,} A 192.0.2.1",
        "$GENERATE 1-2 h${0x1} A 192.0.2.1",
        "$GENERATE 1-2 h${0,3,d,x} A 192.0.2.1",
        '$GENERATE 1-2 h$ A ""',
        '$GENERATE 1-2 "h$" A 192.0.2.1',
        "$GENERATE 1-2 h$",
        "$GENERATE 2-1 h$ A 192.0.2.1",
        "$DATE yesterday",
        "$TTL",
        "$ORIGIN",
        "$INCLUDE",
        "$NOTHING 1",
        "*.x NS ns1",
    ],
)
def test_what_bind_refuses_is_refused(tmp_path: Path, line: str) -> None:
    program = peer(*NAMED)
    zones, problems = load_text(tmp_path, f"{HEAD}{line}\n")
    assert (zones, [problem.line for problem in problems]) == ({}, [6])
    with pytest.raises(AssertionError):
        compiled(program, ZONE, tmp_path / "z.example.zone")


@pytest.mark.parametrize(("written", "differs"), [(77, True), (3600, False)])
def test_an_included_ttl_ends_with_its_file_in_knot_alone(
    tmp_path: Path, written: int, differs: bool
) -> None:
    text = f"{HEAD}$INCLUDE part\nafter A 192.0.2.2\n"
    zones, problems = load_text(tmp_path, text, others={"part": "$TTL 77\nx A 192.0.2.9\n"})
    assert problems == []
    ttls = {owner: ttl for owner, rdtype, ttl, _ in read(zones[ORIGIN]) if rdtype == "A"}
    assert ttls["after.z.example."] == 77
    file = tmp_path / "z.example.zone"
    file.write_text(f"{text}after {written} A 192.0.2.3\n")
    assert has_ttls_that_differ(peer(*KNOT), ZONE, file) is differs
