"""RFC 1035 §2.3.3 (case), §2.3.4 (sizes) and §4.1.4 (compression)."""

from __future__ import annotations

import string

import dns.name
import dns.rcode
from harness.messages import query, rows
from harness.server import HEAD, Server, server
from harness.wire import raw_records
from hypothesis import given
from hypothesis import strategies as st

ZONE = (
    HEAD
    + """
www      A     192.0.2.80
MiXed    TXT   "spelled MiXed"
alias    CNAME www
many     MX    10 mail.deep.down
many     MX    20 other.deep.down
mail.deep.down  A 192.0.2.1
other.deep.down A 192.0.2.2
"""
)
SERVER: Server = server({"example.": ZONE})


@given(st.lists(st.booleans(), min_size=11, max_size=11))
def test_any_case_is_the_same_name_and_is_echoed(upper: list[bool]) -> None:
    """§2.3.3: compared without regard to case; the QNAME comes back as it was sent (0x20)."""
    name = "".join(c.upper() if up else c for c, up in zip("www.example", upper, strict=True))
    response = SERVER.ask(name + ".")
    assert str(response.question[0].name) == name + "."
    assert rows(response.answer) == [f"{name}. 3600 A 192.0.2.80"]


@given(st.text(string.ascii_letters, min_size=5, max_size=5))
def test_owners_spelled_in_mixed_case_are_found(name: str) -> None:
    """Only the letters of the name matter, in the zone file as in the query."""
    exists = name.lower() in {"mixed", "alias"}
    expected = dns.rcode.NOERROR if exists else dns.rcode.NXDOMAIN
    assert SERVER.ask(f"{name}.example.", "TXT").rcode() == expected
    assert SERVER.ask("mixed.example.", "TXT").rcode() == dns.rcode.NOERROR


def test_the_longest_name_is_answered() -> None:
    """§2.3.4: 255 octets are a name, and too long for nothing."""
    labels = ["a" * 63, "b" * 63, "c" * 63, "d" * 53, "example"]
    name = dns.name.Name([label.encode() for label in labels] + [b""])
    assert len(name.to_wire() or b"") == 255
    assert SERVER.ask(str(name)).rcode() == dns.rcode.NXDOMAIN


def test_every_octet_may_stand_in_a_label() -> None:
    """RFC 2181 §11: any binary string can be a label."""
    for octet in range(256):
        name = dns.name.Name([bytes([octet]), b"example", b""])
        assert SERVER.ask(str(name)).rcode() == dns.rcode.NXDOMAIN


def test_repeated_names_are_written_once() -> None:
    """§4.1.4: an owner that was asked is a pointer to the question, a repeated suffix too."""
    packet = query("many.example.", "MX")
    wire = SERVER.send(packet)
    SERVER.exchange(packet)
    assert wire.count(b"\7example") == 1
    assert wire.count(b"\4deep\4down") == 1
    assert wire[len(packet) : len(packet) + 2] == b"\xc0\x0c"
    names = [record.rdata[2:] for record in raw_records(wire)]
    assert names == [b"\4mail\4deep\4down\7example\0", b"\5other\4deep\4down\7example\0"]


def test_names_beyond_what_a_pointer_reaches_are_written_out() -> None:
    """§4.1.4: an offset has 14 bits; a message over 16 KiB must not wrap it."""
    many = "".join(
        f"big MX {n} h{n}.x{n // 2}.example.\nh{n}.x{n // 2} A 192.0.2.1\n" for n in range(1500)
    )
    response = server({"example.": HEAD + many}).ask("big.example.", "MX", tcp=True)
    assert len(rows(response.answer)) == 1500
    assert "big.example. 3600 MX 1499 h1499.x749.example." in rows(response.answer)
