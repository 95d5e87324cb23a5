"""RFC 4592: wildcards, with the zone and the table of its own §2.2.1."""

from __future__ import annotations

import dns.flags
import dns.rcode
import pytest
from harness.messages import lines, rows
from harness.server import HEAD, Server, server

RFC_ZONE = """\
$ORIGIN example.
$TTL 3600
example.                 SOA  ns.example.com. host.example.com. 1 3600 900 604800 300
example.                 NS   ns.example.com.
example.                 NS   ns.example.net.
*.example.               TXT  "this is a wildcard"
*.example.               MX   10 host1.example.
sub.*.example.           TXT  "this is not a wildcard"
host1.example.           A    192.0.2.1
_ssh._tcp.host1.example. SRV  0 0 22 host1.example.
_ssh._tcp.host2.example. SRV  0 0 22 host1.example.
subdel.example.          NS   ns.example.com.
subdel.example.          NS   ns.example.net.
"""
SOA = "example. 300 SOA ns.example.com. host.example.com. 1 3600 900 604800 300"
DELEGATION = """
    subdel.example. 3600 NS ns.example.com.
    subdel.example. 3600 NS ns.example.net.
"""


@pytest.fixture(scope="module")
def example() -> Server:
    """The zone of §2.2.1."""
    return server(RFC_ZONE)


@pytest.mark.parametrize(
    ("qname", "qtype", "rcode", "answer", "authority"),
    [
        # The three that are synthesised.
        ("host3.example.", "MX", "NOERROR", "host3.example. 3600 MX 10 host1.example.", ""),
        ("host3.example.", "A", "NOERROR", "", SOA),
        (
            "foo.bar.example.",
            "TXT",
            "NOERROR",
            'foo.bar.example. 3600 TXT "this is a wildcard"',
            "",
        ),
        # Those that are not, for each reason that the RFC gives.
        ("host1.example.", "MX", "NOERROR", "", SOA),
        ("sub.*.example.", "MX", "NOERROR", "", SOA),
        ("_telnet._tcp.host1.example.", "SRV", "NXDOMAIN", "", SOA),
        ("host.subdel.example.", "A", "NOERROR", "", DELEGATION),
        ("ghost.*.example.", "MX", "NXDOMAIN", "", SOA),
        # §2.2.2: empty non-terminals exist, and block the wildcard for all below them.
        ("_tcp.host1.example.", "TXT", "NOERROR", "", SOA),
        ("_tcp.host2.example.", "TXT", "NOERROR", "", SOA),
        ("host2.example.", "TXT", "NOERROR", "", SOA),
        ("other.host2.example.", "TXT", "NXDOMAIN", "", SOA),
        ("_udp.host1.example.", "TXT", "NXDOMAIN", "", SOA),
        # §2.1.1, §2.2: an asterisk asked for is only a name.
        ("*.example.", "TXT", "NOERROR", '*.example. 3600 TXT "this is a wildcard"', ""),
        ("*.example.", "A", "NOERROR", "", SOA),
        (
            "sub.*.example.",
            "TXT",
            "NOERROR",
            'sub.*.example. 3600 TXT "this is not a wildcard"',
            "",
        ),
        ("sub.sub.*.example.", "TXT", "NXDOMAIN", "", SOA),
        ("x.*.y.example.", "MX", "NOERROR", "x.*.y.example. 3600 MX 10 host1.example.", ""),
        ("*x.example.", "TXT", "NOERROR", '*x.example. 3600 TXT "this is a wildcard"', ""),
    ],
)
def test_the_table_of_section_2_2_1(
    example: Server, qname: str, qtype: str, rcode: str, answer: str, authority: str
) -> None:
    """What is synthesised, and what is not."""
    response = example.ask(qname, qtype)
    assert dns.rcode.to_text(response.rcode()) == rcode
    assert bool(response.flags & dns.flags.AA) is (authority is not DELEGATION)
    assert rows(response.answer) == lines(answer)
    assert rows(response.authority) == lines(authority)


OTHERS = (
    HEAD
    + """
www             A     192.0.2.80
*.alias         CNAME www
*.loop          CNAME x.loop
*.gone          CNAME missing
*.away          CNAME www.elsewhere.test.
*.deep          A     192.0.2.1
a.deep          A     192.0.2.2
*.a.deep        A     192.0.2.3
cut.deep        NS    ns.elsewhere.test.
*.wide.deep     TXT   "x"
"""
)


@pytest.mark.parametrize(
    ("qname", "qtype", "rcode", "answer"),
    [
        (
            "Any.alias.example.",
            "A",
            "NOERROR",
            "Any.alias.example. 3600 CNAME www.example.\nwww.example. 3600 A 192.0.2.80",
        ),
        ("a.b.alias.example.", "CNAME", "NOERROR", "a.b.alias.example. 3600 CNAME www.example."),
        ("x.gone.example.", "A", "NXDOMAIN", "x.gone.example. 3600 CNAME missing.example."),
        ("x.away.example.", "A", "NOERROR", "x.away.example. 3600 CNAME www.elsewhere.test."),
        ("x.loop.example.", "A", "NOERROR", "x.loop.example. 3600 CNAME x.loop.example."),
        ("b.deep.example.", "A", "NOERROR", "b.deep.example. 3600 A 192.0.2.1"),
        ("a.deep.example.", "A", "NOERROR", "a.deep.example. 3600 A 192.0.2.2"),
        ("c.a.deep.example.", "A", "NOERROR", "c.a.deep.example. 3600 A 192.0.2.3"),
        ("d.c.a.deep.example.", "A", "NOERROR", "d.c.a.deep.example. 3600 A 192.0.2.3"),
        ("x.wide.deep.example.", "A", "NOERROR", ""),
        ("deep.example.", "A", "NOERROR", ""),
        ("x.cut.deep.example.", "A", "NOERROR", ""),
    ],
)
def test_the_closest_encloser_decides(qname: str, qtype: str, rcode: str, answer: str) -> None:
    """§3.3.1: only the asterisk just below the closest encloser is the source of synthesis."""
    response = server({"example.": OTHERS}).ask(qname, qtype)
    assert dns.rcode.to_text(response.rcode()) == rcode
    assert rows(response.answer) == lines(answer)
