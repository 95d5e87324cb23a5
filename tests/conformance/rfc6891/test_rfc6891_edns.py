"""RFC 6891: EDNS(0)."""

from __future__ import annotations

import struct

import dns.edns
import dns.flags
import dns.rcode
import pytest
from harness.config import config_text
from harness.messages import query, read, rows
from harness.server import HEAD, Server, server

ZONE = HEAD + "www A 192.0.2.80\n" + "".join(f"big A 192.0.2.{n}\n" for n in range(200))
COOKIE, KEEPALIVE, PADDING, UNASSIGNED = 10, 11, 12, 65001


@pytest.fixture(scope="module")
def example() -> Server:
    """One zone, with the default ceiling of 1232 octets."""
    return server({"example.": ZONE})


def opt(*, owner: bytes = b"\0", payload: int = 1232, ttl: int = 0, rdata: bytes = b"") -> bytes:
    """An OPT record octet by octet (§6.1.2)."""
    return owner + struct.pack("!HHIH", 41, payload, ttl, len(rdata)) + rdata


def with_records(*records: bytes, qname: str = "www.example.") -> bytes:
    """A query with these records in its additional section."""
    packet = query(qname)
    return packet[:10] + struct.pack("!H", len(records)) + packet[12:] + b"".join(records)


@pytest.mark.parametrize("qname", ["www.example.", "no.example.", "outside.test."])
def test_opt_is_in_the_response_exactly_when_it_was_in_the_query(
    example: Server, qname: str
) -> None:
    """§6.1.1, §7: an OPT record MUST answer one, and MUST NOT come unasked."""
    assert example.ask(qname).opt is None
    asked = example.ask(qname, edns=0)
    assert asked.opt is not None
    assert asked.edns == 0
    assert asked.payload == 1232


@pytest.mark.parametrize("version", [1, 2, 255])
def test_an_unknown_version_is_badvers(example: Server, version: int) -> None:
    """§6.1.3: RCODE BADVERS (16), and the highest version that this server implements."""
    response = example.ask("www.example.", edns=version)
    assert response.rcode() == dns.rcode.BADVERS
    assert response.edns == 0
    assert not response.answer


@pytest.mark.parametrize(
    "rdata",
    [
        pytest.param(b"\0\x0a\0", id="option-cut"),
        pytest.param(b"\0\x08\0\x02\0\1", id="subnet-short"),
        pytest.param(b"\0\x08\0\x07\0\1\x18\0\x0a\1\2" * 2, id="subnet-twice"),
        pytest.param(b"\0\x03\0\0", id="nsid"),
    ],
)
def test_options_of_an_unknown_version_are_not_judged(example: Server, rdata: bytes) -> None:
    """§6.1.3: BADVERS it is, and nothing is said of options whose meaning is not known."""
    packet = with_records(opt(ttl=1 << 16, rdata=rdata))
    response = example.exchange(packet)
    assert response.rcode() == dns.rcode.BADVERS
    assert response.options == ()


@pytest.mark.parametrize("dnssec_ok", [False, True])
@pytest.mark.parametrize("qname", ["www.example.", "no.example.", "outside.test."])
def test_the_do_bit_is_copied(example: Server, qname: str, dnssec_ok: bool) -> None:
    """RFC 3225 §3: the DO bit of the query MUST be copied."""
    response = example.ask(qname, edns=0, dnssec_ok=dnssec_ok)
    assert bool(response.ednsflags & dns.flags.DO) is dnssec_ok


def test_the_other_flags_are_clear(example: Server) -> None:
    """§6.1.4: Z is "set to zero by senders and ignored by receivers"."""
    packet = with_records(opt(ttl=0x7FFF))
    assert read(packet, example.send(packet)).ednsflags == 0


@pytest.mark.parametrize(
    ("payload", "limit"),
    [
        (0, 512),
        (100, 512),
        (511, 512),
        (512, 512),
        (700, 700),
        (1232, 1232),
        (4096, 1232),
        (65535, 1232),
    ],
)
def test_the_payload_size_is_honoured_within_the_ceiling(
    example: Server, payload: int, limit: int
) -> None:
    """§6.2.3, §6.2.5: values below 512 are 512; this server never sends more than its own."""
    packet = query("big.example.", edns=0, payload=payload)
    response = read(packet, example.send(packet), limit=limit)
    assert response.flags & dns.flags.TC
    assert response.opt is not None
    # 12 + 17 octets of header and question, 16 for each record and 11 for OPT.
    fitting = (limit - 40) // 16
    zone = HEAD + "".join(f"big A 192.0.2.{n}\n" for n in range(fitting))
    full = server({"example.": zone})
    assert len(rows(read(packet, full.send(packet), limit=limit).answer)) == fitting


@pytest.mark.parametrize("ceiling", [512, 1232, 1400, 4096])
def test_the_ceiling_is_what_is_announced(ceiling: int) -> None:
    """§6.2.4: the responder's payload size is its own, not an echo."""
    example = server({"example.": ZONE}, config_text(server=f"udp_payload = {ceiling}"))
    packet = query("big.example.", edns=0, payload=4096)
    response = read(packet, example.send(packet), limit=ceiling)
    assert response.payload == ceiling
    assert bool(response.flags & dns.flags.TC) is (ceiling < 29 + 200 * 16 + 11)


@pytest.mark.parametrize(
    "packet",
    [
        pytest.param(with_records(opt(), opt()), id="two-opts"),
        pytest.param(with_records(opt(owner=b"\3www\0")), id="owner-not-root"),
        pytest.param(with_records(opt(rdata=b"\0\x0a\0")), id="option-header-cut"),
        pytest.param(with_records(opt(rdata=b"\0\x0a\0\x09abc")), id="option-longer-than-opt"),
        pytest.param(with_records(opt())[:-1], id="opt-cut"),
        pytest.param(with_records(opt(rdata=b"ab"))[:-1], id="rdata-cut"),
        pytest.param(with_records(opt()) + b"\0", id="octet-after-opt"),
    ],
)
def test_a_broken_opt_is_formerr(example: Server, packet: bytes) -> None:
    """§6.1.1: more than one OPT MUST be FORMERR; what cannot be read is so by RFC 1035."""
    response = read(packet, example.send(packet))
    assert response.rcode() == dns.rcode.FORMERR
    assert not response.answer


@pytest.mark.parametrize("code", [COOKIE, KEEPALIVE, PADDING, UNASSIGNED])
@pytest.mark.parametrize("data", [b"", b"12345678", bytes(300)])
def test_unknown_options_are_ignored(example: Server, code: int, data: bytes) -> None:
    """§6.1.2: "Any OPTION-CODE values not understood by a responder MUST be ignored"."""
    response = example.ask(
        "www.example.", options=[dns.edns.GenericOption(dns.edns.OptionType.make(code), data)]
    )
    assert response.rcode() == dns.rcode.NOERROR
    assert rows(response.answer) == ["www.example. 3600 A 192.0.2.80"]
    assert response.options == ()


def test_opt_may_stand_anywhere_in_the_additional_section(example: Server) -> None:
    """§6.1.1: "within the additional data section", with no place prescribed."""
    other = b"\0" + struct.pack("!HHIH", 1, 1, 0, 4) + bytes(4)
    for records in ((other, opt()), (opt(), other), (other, opt(), other)):
        packet = with_records(*records)
        response = read(packet, example.send(packet))
        assert response.rcode() == dns.rcode.NOERROR
        assert response.opt is not None


def test_a_query_for_opt_itself_is_formerr(example: Server) -> None:
    """OPT is a pseudo-RR (§6.1.1) and has no data to ask for."""
    assert example.ask("www.example.", "OPT").rcode() == dns.rcode.FORMERR


@pytest.mark.parametrize("edns", [None, 0])
def test_tcp_has_no_payload_limit(example: Server, edns: int | None) -> None:
    """§6.2.3 speaks of UDP payloads only."""
    response = example.ask("big.example.", tcp=True, edns=edns, payload=512)
    assert len(rows(response.answer)) == 200
