"""Endpoints ⇄ the text of a fragment: the same endpoints give the same octets, and come back."""

from __future__ import annotations

import random
from typing import Any

import dns.name
import dns.rdata
import dns.zone
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.external_dns.endpoint import Changes, Endpoint, read_endpoints
from resolverd.external_dns.fragment import EditedError, applied, key_of, read, render
from resolverd.external_dns.records import RecordError, rdatas_of

ZONE = dns.name.from_text("z.example.")
LABELS = st.from_regex(r"[a-z0-9_*]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
NAMES = st.lists(LABELS, min_size=1, max_size=3).map(
    lambda labels: ".".join([*labels, "z.example"])
)
TARGETS = {
    "A": st.ip_addresses(v=4).map(str),
    "AAAA": st.ip_addresses(v=6).map(str),
    "TXT": st.text(),
    "CNAME": NAMES,
    "MX": st.tuples(st.integers(0, 65535), NAMES).map(lambda p: f"{p[0]} {p[1]}"),
}


@st.composite
def endpoints(draw: st.DrawFn) -> Endpoint:
    type_ = draw(st.sampled_from(sorted(TARGETS)))
    most = 1 if type_ == "CNAME" else 3
    return Endpoint(
        name=draw(NAMES),
        type=type_,
        targets=tuple(draw(st.lists(TARGETS[type_], min_size=1, max_size=most))),
        set_identifier=draw(st.sampled_from(["", "eu", "us\n; ="])),
        ttl=draw(st.sampled_from([0, 1, 60, 2**31 - 1])),
    ).normal()


MANY = st.lists(endpoints(), max_size=6, unique_by=key_of)


@given(MANY, st.randoms(use_true_random=False))
def test_the_same_endpoints_are_the_same_octets_and_come_back(
    many: list[Endpoint], order: random.Random
) -> None:
    text = render(ZONE, many, 300)
    shuffled = order.sample(many, len(many))
    assert render(ZONE, shuffled, 300) == text
    assert read(ZONE, text, 300) == {key_of(e): e for e in many}
    assert read(ZONE, text, 60).keys() == {key_of(e) for e in many}, "another --ttl is no edit"
    again = read_endpoints([e.document() for e in many])
    assert sorted(map(key_of, again)) == sorted(map(key_of, many))


@given(MANY)
def test_each_target_is_a_record_of_its_name_and_there_are_no_others(many: list[Endpoint]) -> None:
    """dnspython's reader of whole zones is the oracle; it takes no CNAME beside other data."""
    plain = [e for e in many if e.type != "CNAME"]
    zone = dns.zone.from_text(
        render(ZONE, plain, 300), origin=ZONE, relativize=False, check_origin=False
    )
    found = {(str(name), rdata.to_text()) for name, _, rdata in zone.iterate_rdatas()}
    wanted = {(str(key_of(e).owner), rdata) for e in plain for rdata in rdatas_of(e)}
    assert found == wanted


@given(st.text())
def test_a_text_of_any_length_and_letters_is_one_text_again(text: str) -> None:
    (rdata,) = rdatas_of(Endpoint(name="a", type="TXT", targets=(f"x{text}",)))
    made: Any = dns.rdata.from_text("IN", "TXT", rdata)
    assert b"".join(made.strings).decode() == f"x{text}"
    assert all(len(string) <= 255 for string in made.strings)


@pytest.mark.parametrize(
    ("target", "rdata"),
    [
        ('"heritage=external-dns"', '"heritage=external-dns"'),
        ('"a" "b"', '"a" "b"'),
        ('"a" b', '"\\"a\\" b"'),
        ('"a', '"\\"a"'),
        ('"a"\n"b"', '"\\"a\\"\\010\\"b\\""'),
        ('"a;b"', '"a;b"'),
        ("a b", '"a b"'),
        ("", '""'),
        ('""', '""'),
        ('"\\065\\""', '"A\\""'),
    ],
)
def test_texts_in_quotes_are_strings_and_all_others_are_one(target: str, rdata: str) -> None:
    assert rdatas_of(Endpoint(name="a", type="TXT", targets=(target,))) == [rdata]


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text + "a.z.example. 300 IN A 192.0.2.3\n",
        lambda text: text.replace("192.0.2.1\n", "192.0.2.2\n"),
        lambda text: text.replace("a.z.example. 300 IN A 192.0.2.1\n", ""),
        lambda text: text.replace("300 IN A", "300 IN AAAA"),
        lambda text: text.replace(";= {", ";= [{"),
        lambda text: text + ";= {}\n",
        lambda _: "a.z.example. A 192.0.2.1\n",
        lambda _: ";= " + "[" * 100_000,
    ],
)
def test_a_text_that_was_not_written_so_is_told(edit: object) -> None:
    text = render(ZONE, [Endpoint(name="a.z.example", type="A", targets=("192.0.2.1",))], 300)
    assert callable(edit)
    with pytest.raises(EditedError):
        read(ZONE, edit(text), 300)


def test_sets_of_one_name_are_one_rrset_with_the_least_of_their_ttls() -> None:
    sets = [
        Endpoint(name="a.z.example", type="A", targets=("192.0.2.1",), set_identifier="x", ttl=60),
        Endpoint(name="a.z.example", type="A", targets=("192.0.2.1", "192.0.2.2")),
    ]
    rows = [row for row in render(ZONE, sets, 300).splitlines() if row[0] != ";"]
    assert rows == ["a.z.example. 60 IN A 192.0.2.1", "a.z.example. 60 IN A 192.0.2.2"]


def test_one_name_that_is_wanted_twice_and_otherwise_is_a_contradiction() -> None:
    one = Endpoint(name="a.z.example", type="A", targets=("192.0.2.1",))
    other = one.model_copy(update={"targets": ("192.0.2.2",)})
    assert applied({}, Changes(create=(one, one))) == {key_of(one): one}
    with pytest.raises(RecordError):
        applied({}, Changes(create=(one, other)))
    moved = applied({key_of(one): one}, Changes(before=(one,), after=(other,)))
    assert moved == {key_of(one): other}
