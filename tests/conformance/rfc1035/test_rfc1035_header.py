"""RFC 1035 §4.1.1: what the header of a response says, and what becomes of bad queries."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import pytest
from harness.messages import CD, RD, query, read
from harness.server import HEAD, Server, server

ZONE = HEAD + "www A 192.0.2.80\nsub NS ns.sub\nns.sub A 192.0.2.9\n"


@pytest.fixture(scope="module")
def example() -> Server:
    """One zone."""
    return server({"example.": ZONE})


@pytest.mark.parametrize("flags", [0, RD, CD, RD | CD])
@pytest.mark.parametrize("qname", ["www.example.", "no.example.", "sub.example.", "else.test."])
def test_rd_and_cd_are_copied_and_ra_is_clear(example: Server, flags: int, qname: str) -> None:
    """RD "may be set in a query and is copied into the response"; RA: no recursion here."""
    response = example.ask(qname, flags=flags, qid=4711)
    assert response.id == 4711
    assert int(response.flags) & (RD | CD) == flags
    assert not response.flags & dns.flags.RA


@pytest.mark.parametrize(
    ("qname", "authoritative"),
    [("www.example.", True), ("no.example.", True), ("x.sub.example.", False), ("t.test.", False)],
)
def test_aa_tells_authority(example: Server, qname: str, authoritative: bool) -> None:
    """AA: the responding name server is an authority for the domain name in question."""
    assert bool(example.ask(qname).flags & dns.flags.AA) is authoritative


@pytest.mark.parametrize("opcode", range(1, 16))
def test_other_kinds_of_query_are_not_implemented(example: Server, opcode: int) -> None:
    """RCODE 4: "the name server does not support the requested kind of query"."""
    packet = bytearray(query("www.example."))
    packet[2] |= opcode << 3
    response = example.exchange(bytes(packet))
    assert response.rcode() == dns.rcode.NOTIMP
    assert int(response.opcode()) == opcode


@pytest.mark.parametrize("opcode", [1, 4, 5, 6, 15])
@pytest.mark.parametrize("dnssec_ok", [False, True])
def test_opt_is_answered_whatever_the_opcode(example: Server, opcode: int, dnssec_ok: bool) -> None:
    """RFC 6891 §6.1.1: "compliant responders MUST include an OPT record" where one came."""
    packet = bytearray(query("www.example.", edns=0, ecs="10.1.2.0/24", dnssec_ok=dnssec_ok))
    packet[2] |= opcode << 3
    response = example.exchange(bytes(packet))
    assert response.rcode() == dns.rcode.NOTIMP
    assert (response.edns, response.payload, response.options) == (0, 1232, ())
    assert bool(response.ednsflags & dns.flags.DO) is dnssec_ok


@pytest.mark.parametrize("cut", [1, 11, 12, 20])
def test_opt_of_another_opcode_is_left_alone_where_it_cannot_be_read(
    example: Server, cut: int
) -> None:
    """What such a message holds is not ours to judge: NOTIMP, with the header alone."""
    packet = bytearray(query("www.example.", edns=0)[:-cut])
    packet[2] |= 5 << 3
    response = example.send(bytes(packet))
    assert len(response) == 12
    assert response[3] & 0x0F == dns.rcode.NOTIMP


@pytest.mark.parametrize("length", range(12))
def test_what_is_too_short_for_a_header_is_dropped(example: Server, length: int) -> None:
    """There is no ID to answer with; the drop is counted."""
    before = example.counters.dropped["short"]
    packet = query("www.example.")[:length]
    assert example.answer(packet) is None
    assert example.counters.dropped["short"] == before + 1


def test_a_response_is_never_answered(example: Server) -> None:
    """QR set: two servers must not talk to one another for ever."""
    packet = bytearray(query("www.example."))
    packet[2] |= 0x80
    assert example.answer(bytes(packet)) is None
    assert example.counters.dropped["response"] == 1


def _with_counts(qd: int, an: int, ns: int, ar: int) -> bytes:
    counts = b"".join(count.to_bytes(2, "big") for count in (qd, an, ns, ar))
    packet = query("www.example.")
    return packet[:4] + counts + packet[12:]


@pytest.mark.parametrize(
    "packet",
    [
        pytest.param(_with_counts(0, 0, 0, 0), id="no-question"),
        pytest.param(_with_counts(2, 0, 0, 0), id="second-question-missing"),
        pytest.param(_with_counts(1, 1, 0, 0), id="answer-missing"),
        pytest.param(_with_counts(1, 0, 1, 0), id="authority-missing"),
        pytest.param(_with_counts(1, 0, 0, 1), id="additional-missing"),
        pytest.param(query("www.example.") + b"\0", id="trailing-octet"),
        pytest.param(query("www.example.")[:-1], id="question-cut"),
        pytest.param(query("www.example.")[:12], id="header-only"),
        pytest.param(query("www.example.")[:12] + b"\xc0\x0c\0\1\0\1", id="qname-points-to-itself"),
        pytest.param(
            query("www.example.")[:12] + b"\x40" + bytes(64) + b"\0\0\1\0\1", id="label64"
        ),
        pytest.param(query("w.example.")[:12] + b"\1a" * 128 + b"\0\0\1\0\1", id="name-over-255"),
    ],
)
def test_a_malformed_query_is_formerr(example: Server, packet: bytes) -> None:
    """RCODE 1: "the name server was unable to interpret the query"."""
    response = read(packet, example.send(packet))
    assert response.rcode() == dns.rcode.FORMERR
    assert not response.answer


def test_two_questions_are_formerr(example: Server) -> None:
    """RFC 9619: QDCOUNT in a standard query is at most one."""
    packet = query("www.example.")
    twice = packet[:4] + b"\0\2" + packet[6:] + packet[12:]
    assert read(twice, example.send(twice)).rcode() == dns.rcode.FORMERR
