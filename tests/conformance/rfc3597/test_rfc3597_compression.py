"""RFC 3597 §4: names inside the RDATA of newer types are never compressed nor pointed to."""

from __future__ import annotations

import pytest
from harness.messages import query, rows
from harness.server import HEAD, Server, server

ZONE = (
    HEAD
    + r"""
host  A     192.0.2.1
all   SRV   1 2 443 host
all   SRV   2 2 443 host
all   NAPTR 10 10 "u" "E2U+sip" "!^.*$!sip:x@host!" host
all   RP    host host
all   AFSDB 1 host
all   KX    1 host
all   HTTPS 1 host.example. alpn=h2
all   SVCB  1 host.example. port=8000
all   DNAME host
all   PX    10 host host
all   RT    10 host
all   TYPE65280 \# 4 0A000001
all   CAA   0 issue "ca.example"
mx    MX    10 host
ptr   PTR   host
"""
)


@pytest.fixture(scope="module")
def example() -> Server:
    """One zone with a name in many types of RDATA."""
    return server({"example.": ZONE})


@pytest.mark.parametrize(
    "qtype",
    ["SRV", "NAPTR", "RP", "AFSDB", "KX", "HTTPS", "SVCB", "DNAME", "PX", "RT", "TYPE65280", "CAA"],
)
def test_newer_types_hold_no_pointers(example: Server, qtype: str) -> None:
    """`read` compares the RDATA with its uncompressed form; here the count of records."""
    response = example.ask("all.example.", qtype, tcp=True)
    assert len(rows(response.answer)) == (2 if qtype == "SRV" else 1)


@pytest.mark.parametrize(("qname", "qtype"), [("mx.example.", "MX"), ("ptr.example.", "PTR")])
def test_types_of_rfc1035_are_compressed(example: Server, qname: str, qtype: str) -> None:
    """The well-known types still save their octets."""
    wire = example.send(query(qname, qtype))
    example.ask(qname, qtype)
    assert wire.endswith(b"\4host\xc0" + bytes([12 + wire[12] + 1]))
