"""RFC 6672: DNAME, the CNAME synthesised from it, and names that become too long."""

from __future__ import annotations

import dns.flags
import dns.rcode
import pytest
from harness.messages import lines, query, read, rows
from harness.server import HEAD, Server, server

ZONE = (
    HEAD
    + """
old       600 DNAME new
old       TXT   "beside the DNAME"
x.new     A     192.0.2.1
alias.new CNAME x.new
away      DNAME elsewhere.test.
loop      DNAME loop
chain     DNAME old
deep      DNAME a.b.c.d
root      DNAME .
"""
)
SOA = "example. 300 SOA ns1.example. hostmaster.example. 7 3600 900 604800 300"


@pytest.fixture(scope="module")
def example() -> Server:
    """One zone with aliases of whole subtrees."""
    return server({"example.": ZONE})


@pytest.mark.parametrize(
    ("qname", "qtype", "rcode", "answer", "authority"),
    [
        (
            "x.old.example.",
            "A",
            "NOERROR",
            """old.example. 600 DNAME new.example.
               x.old.example. 600 CNAME x.new.example.
               x.new.example. 3600 A 192.0.2.1""",
            "",
        ),
        (
            "y.old.example.",
            "A",
            "NXDOMAIN",
            """old.example. 600 DNAME new.example.
               y.old.example. 600 CNAME y.new.example.""",
            SOA,
        ),
        (
            "alias.old.example.",
            "A",
            "NOERROR",
            """old.example. 600 DNAME new.example.
               alias.old.example. 600 CNAME alias.new.example.
               alias.new.example. 3600 CNAME x.new.example.
               x.new.example. 3600 A 192.0.2.1""",
            "",
        ),
        (
            "a.b.away.example.",
            "A",
            "NOERROR",
            """away.example. 3600 DNAME elsewhere.test.
               a.b.away.example. 3600 CNAME a.b.elsewhere.test.""",
            "",
        ),
        (
            "x.chain.example.",
            "A",
            "NOERROR",
            """chain.example. 3600 DNAME old.example.
               x.chain.example. 3600 CNAME x.old.example.
               old.example. 600 DNAME new.example.
               x.old.example. 600 CNAME x.new.example.
               x.new.example. 3600 A 192.0.2.1""",
            "",
        ),
        (
            "www.root.example.",
            "A",
            "NOERROR",
            """root.example. 3600 DNAME .
               www.root.example. 3600 CNAME www.""",
            "",
        ),
        # §2.3: the owner itself is not redirected.
        ("old.example.", "DNAME", "NOERROR", "old.example. 600 DNAME new.example.", ""),
        ("old.example.", "TXT", "NOERROR", 'old.example. 3600 TXT "beside the DNAME"', ""),
        ("old.example.", "A", "NOERROR", "", SOA),
    ],
)
def test_substitution(
    example: Server, qname: str, qtype: str, rcode: str, answer: str, authority: str
) -> None:
    """§3.2: the DNAME, a CNAME with the DNAME's TTL (§3.1), and the search goes on."""
    response = example.ask(qname, qtype)
    assert dns.rcode.to_text(response.rcode()) == rcode
    assert response.flags & dns.flags.AA
    assert rows(response.answer) == lines(answer)
    assert rows(response.authority) == lines(authority)


def test_the_spelling_below_the_owner_is_kept(example: Server) -> None:
    """§2.2: the labels before the owner are carried over as they were asked."""
    response = example.ask("CaSe.oLd.example.")
    assert "CaSe.oLd.example. 600 CNAME CaSe.new.example." in rows(response.answer)


def test_a_name_that_grows_too_long_is_yxdomain(example: Server) -> None:
    """§2.2, §3.2 step 3c: over 255 octets, YXDOMAIN with the DNAME that was to blame."""
    labels = ["a" * 63, "b" * 63, "c" * 63, "d" * 46]
    fits, too_long = ".".join(labels)[2:], ".".join(labels)
    assert example.ask(f"{fits}.deep.example.", tcp=True).rcode() == dns.rcode.NXDOMAIN
    response = example.ask(f"{too_long}.deep.example.")
    assert response.rcode() == dns.rcode.YXDOMAIN
    assert response.flags & dns.flags.AA
    assert rows(response.answer) == ["deep.example. 3600 DNAME a.b.c.d.example."]


def test_the_longest_target_is_exactly_255_octets(example: Server) -> None:
    """One octet decides: 255 is answered, 256 is not."""
    # a.b.c.d.example. has 17 octets, deep.example. 14.
    for extra, rcode in ((0, dns.rcode.NXDOMAIN), (1, dns.rcode.YXDOMAIN)):
        labels = ["a" * 63, "b" * 63, "c" * 63, "d" * (255 - 17 - 3 * 64 - 1 + extra)]
        assert example.ask(".".join(labels) + ".deep.example.", tcp=True).rcode() == rcode


def test_a_dname_that_leads_into_itself_ends(example: Server) -> None:
    """§3.2 has no loop detection; one answer must not be without bound."""
    packet = query("x.loop.example.")
    response = read(packet, example.send(packet, tcp=True))
    assert rows(response.answer) == lines("""
        loop.example. 3600 DNAME loop.example.
        x.loop.example. 3600 CNAME x.loop.example.
    """)


def test_a_dname_passed_twice_is_sent_once() -> None:
    """RFC 2181 §5: a chain may come back to a DNAME with another name, its record may not."""
    zone = HEAD + "a DNAME b\nx.b CNAME y.a\ny.b A 192.0.2.1\n"
    response = server({"example.": zone}).ask("x.a.example.")
    assert rows(response.answer) == lines("""
        a.example. 3600 DNAME b.example.
        x.a.example. 3600 CNAME x.b.example.
        x.b.example. 3600 CNAME y.a.example.
        y.a.example. 3600 CNAME y.b.example.
        y.b.example. 3600 A 192.0.2.1
    """)


def test_names_below_a_dname_do_not_see_wildcards() -> None:
    """§3.2 step 3: a DNAME at the closest encloser comes before the asterisk label."""
    zone = HEAD + "*.example. TXT wild\nold DNAME new\nnew TXT here\n"
    response = server({"example.": zone}).ask("x.old.example.", "TXT")
    assert rows(response.answer)[0] == "old.example. 3600 DNAME new.example."
