"""An answer for an SOA is known by its octets only where dnspython reads the same from it."""

from __future__ import annotations

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.dns.codes import SOA
from resolverd.snapshot.answers import query_for
from resolverd.snapshot.soa_answers import gives_serial

SERIAL = 2026010100
LABELS = st.text("abcxyz", min_size=1, max_size=63)
NAMES = st.lists(LABELS, max_size=3).map(lambda labels: dns.name.Name([*labels, ""]))
APEXES = NAMES.filter(lambda name: name != dns.name.root)  # which nothing points to


def _answered(apex: dns.name.Name, server: dns.name.Name, mailbox: dns.name.Name) -> bytes:
    query = dns.message.from_wire(query_for(apex.to_wire() or b"", SOA))
    response = dns.message.make_response(query)
    response.flags |= dns.flags.AA
    text = f"{server} {mailbox} {SERIAL} 3600 900 604800 300"
    response.answer.append(dns.rrset.from_text(apex, 60, "IN", "SOA", text))
    return response.to_wire()


def _known(apex: dns.name.Name, response: bytes) -> bool:
    query = query_for(apex.to_wire() or b"", SOA)
    return gives_serial(query, response, SERIAL.to_bytes(4, "big"))


@given(APEXES, NAMES, NAMES)
def test_a_sound_answer_is_known_however_its_names_are_compressed(
    apex: dns.name.Name, server: dns.name.Name, mailbox: dns.name.Name
) -> None:
    assert _known(apex, _answered(apex, server, mailbox))


@given(
    NAMES,
    NAMES,
    NAMES,
    st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), min_size=1, max_size=3),
    st.integers(0, 40),
)
def test_no_answer_is_known_that_a_general_parser_reads_otherwise(
    apex: dns.name.Name,
    server: dns.name.Name,
    mailbox: dns.name.Name,
    changes: list[tuple[int, int]],
    cut: int,
) -> None:
    spoilt = bytearray(_answered(apex, server, mailbox))
    for at, octet in changes:
        spoilt[at % len(spoilt)] = octet
    response = bytes(spoilt[: len(spoilt) - cut // 8])
    if not _known(apex, response):
        return
    message = dns.message.from_wire(response)
    assert [rdata.serial for rrset in message.answer for rdata in rrset] == [SERIAL]
    assert message.answer[0].name == apex
    assert message.flags & dns.flags.AA
    assert not message.rcode()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b"\x84\x00", b"\x80\x00", id="without AA"),
        pytest.param(b"\x84\x00", b"\x86\x00", id="truncated"),
        pytest.param(b"\x84\x00", b"\x84\x02", id="SERVFAIL"),
        pytest.param(SERIAL.to_bytes(4, "big"), bytes(4), id="another serial"),
        pytest.param(b"\x03ns1\xc0\x0c", b"\x03ns1\xc0\x2b", id="a pointer forward"),
        pytest.param(b"\x03ns1\xc0\x0c", b"\x83ns1\xc0\x0c", id="no kind of label"),
        pytest.param(b"\x04mail", b"\xc0\x29ail", id="a pointer to itself"),
        pytest.param(b"\x07example", b"\x07EXAMPLE", id="another question"),
    ],
)
def test_a_wrong_answer_is_not_known(old: bytes, new: bytes) -> None:
    apex = dns.name.from_text("example.")
    sound = _answered(apex, dns.name.from_text("ns1.example."), dns.name.from_text("mail.example."))
    assert _known(apex, sound)
    assert old in sound
    assert not _known(apex, sound.replace(old, new, 1))
