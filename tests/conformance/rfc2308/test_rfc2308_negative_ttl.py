"""RFC 2308 §3, §5: a negative answer is kept for the lesser of the SOA's TTL and its minimum."""

from __future__ import annotations

import dns.rcode
import pytest
from harness.server import server


@pytest.mark.parametrize(
    ("ttl", "minimum", "negative"),
    [(3600, 300, 300), (60, 300, 60), (300, 300, 300), (0, 300, 0), (300, 0, 0), (2, 86400, 2)],
)
@pytest.mark.parametrize(
    ("qname", "qtype", "rcode"),
    [
        ("missing.example.", "A", dns.rcode.NXDOMAIN),
        ("ns1.example.", "TXT", dns.rcode.NOERROR),
        ("alias.example.", "A", dns.rcode.NXDOMAIN),
        ("*.ent.example.", "A", dns.rcode.NOERROR),
        ("ent.example.", "A", dns.rcode.NOERROR),
    ],
)
def test_the_negative_ttl(
    ttl: int, minimum: int, negative: int, qname: str, qtype: str, rcode: int
) -> None:
    """§3: "the TTL of this record is set from the minimum of the MINIMUM field and the TTL"."""
    zone = f"""$TTL 3600
@ {ttl} SOA ns1 host 7 3600 900 604800 {minimum}
@ NS ns1
ns1 A 192.0.2.1
alias CNAME missing
*.ent TXT "wild"
"""
    example = server({"example.": zone})
    response = example.ask(qname, qtype)
    assert response.rcode() == rcode
    (soa,) = response.authority
    assert soa.ttl == negative
    assert str(soa.name) == "example."
    assert example.ask("example.", "SOA").answer[0].ttl == ttl, "a positive answer keeps its TTL"
