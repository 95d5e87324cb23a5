"""Whatever stands as a record's data, of any type, findings come out of it and nothing else."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import dns.rdata
import dns.rdataclass
import pytest
from harness.trials import trials
from hypothesis import given, settings
from hypothesis import strategies as st
from test_zone_properties import EVERY_TYPE
from zone_files import HEAD, SERVICES, places

from resolverd.errors import Problem
from resolverd.zone.loader import load_zones
from resolverd.zone.past_pins import Withheld

LONG = f'"{"x" * 300}"'
WRONG = f"""
    0 -1 256 65536 4294967296 {10**20} {"9" * 5000} ² 1.5m 1e5 +1 . @ host a..b {"a" * 64} {LONG}
    "" "a b" AAAA == - \\# 0a0b 2b2b2b 192.0.2.1 192.0.2.256 ::1 10.0.0.0/33 1:10.0.0.0/8 key=val
    alpn= alpn=h2 port=99999 ipv4hint=1.2.3 mandatory=alpn key1= A TYPE999 TYPE99999 IN N é "é"
    "http://a..b/" "http://x:99999/" "http://[::1/" "http://[fe80::1%25eth0]/" "\\300" \\1 +
    \\256 +a 00-00-5e-00-53-zz 0014:4fff:ff20:ee6g 2001:db8:1140 -1:1:1:1 1:2:3:4:5 20249999000000 ٣
"""
words = re.compile(r'"(?:[^"\\]|\\.)*"|\S+').findall
wrong = words(WRONG)


def load(folder: Path, lines: Iterable[str]) -> list[Problem]:
    """What is found of a zone with these records, each twice, where a pin fences a service."""
    body = "".join(f"o{n} {line}\no{n} {line}\n" for n, line in enumerate(lines))
    (folder / "z.example.zone").write_text(HEAD + body)
    withheld = Withheld(fenced=frozenset({"chat"}))
    return load_zones(["z.example.zone"], folder, services=SERVICES, withheld=withheld)[1]


def mutated(rdtype: str) -> Iterator[str]:
    """The example of a type, each of its fields left out or with all that is wrong in its place."""
    given = words(EVERY_TYPE[rdtype])
    for place in range(len(given)):
        before, after = given[:place], given[place + 1 :]
        for field in ("", *wrong):
            yield " ".join([rdtype, *before, field, *after])
    yield from (" ".join([rdtype, *given, field]) for field in wrong)


@pytest.mark.parametrize("rdtype", EVERY_TYPE)
def test_each_field_of_each_type_may_be_wrong(tmp_path: Path, rdtype: str) -> None:
    problems = load(tmp_path, mutated(rdtype))
    assert "zone-bad-rdata" in {problem.id for problem in problems}
    assert all(problem.line > 5 for problem in problems)


@settings(max_examples=trials(150, 2000), deadline=None)
@given(st.sampled_from(list(EVERY_TYPE)), st.lists(st.sampled_from(wrong), max_size=8))
def test_any_words_may_stand_as_data(rdtype: str, fields: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        problems = load(Path(folder), [" ".join([rdtype, *fields])])
    assert all(problem.line > 5 for problem in problems)


def generic(rdtype: str) -> bytes:
    """The octets of a type's example."""
    return dns.rdata.from_text(dns.rdataclass.IN, rdtype, EVERY_TYPE[rdtype]).to_wire() or b""


octets = st.sampled_from(list(EVERY_TYPE)).flatmap(
    lambda rdtype: st.tuples(
        st.just(rdtype),
        st.binary(max_size=12),
        st.integers(0, len(generic(rdtype))),
        st.integers(0, 4),
    )
)


@settings(max_examples=trials(300, 4000), deadline=None)
@given(st.lists(octets, min_size=1, max_size=8))
def test_any_octets_may_stand_as_data(drawn: list[tuple[str, bytes, int, int]]) -> None:
    lines = []
    for rdtype, put, at, removed in drawn:
        data = generic(rdtype)
        data = data[:at] + put + data[at + removed :]
        lines.append(f"{rdtype} \\# {len(data)} {data.hex()}")
    with tempfile.TemporaryDirectory() as folder:
        problems = load(Path(folder), lines)
    assert all(problem.line > 5 for problem in problems)


def test_a_locator_with_a_digit_that_is_none_is_found_at_its_place(tmp_path: Path) -> None:
    lines = ["NID 10 0014:4fff:ff20:ee6g", "L64 10 2001:db8:1140"]
    problems = load(tmp_path, lines)
    assert places(problems) == [f"{line}:11: zone-bad-rdata" for line in (6, 7, 8, 9)]
    hints = {problem.hint for problem in problems}
    assert hints == {
        "write it like NID 10 14:4fff:ff20:ee64",
        "write it like L64 10 2001:db8:1140:1000",
    }


def test_an_altitude_that_no_record_has_room_for_is_found(tmp_path: Path) -> None:
    assert places(load(tmp_path, ["LOC 52 22 23 N 4 53 32 E 52000000m"]))[0] == (
        "6:8: zone-bad-rdata"
    )
