"""RFC 1034 §4.3.2, the algorithm of a name server, as a table over one zone.

The zone has a delegation, aliases of every sort and another zone beside it.
"""

from __future__ import annotations

import dns.flags
import dns.rcode
import pytest
from harness.messages import lines, rows
from harness.server import HEAD, Server, server

ZONE = (
    HEAD
    + """
@        A     192.0.2.1
@        MX    10 mail
mail     A     192.0.2.25
www      A     192.0.2.80
www      A     192.0.2.81
www      AAAA  2001:db8::80
alias    CNAME www
second   CNAME alias
nowhere  CNAME missing
typeless CNAME mail
away     CNAME www.elsewhere.test.
other    CNAME www.child.example.
into     CNAME host.sub
self     CNAME self
ping     CNAME pong
pong     CNAME ping
sub      NS    ns.sub
sub      NS    ns.elsewhere.test.
ns.sub   A     192.0.2.153
ns.sub   AAAA  2001:db8::153
host.a.b A     192.0.2.99
"""
)
CHILD = HEAD + "www A 198.51.100.1\n"
SOA = "example. 300 SOA ns1.example. hostmaster.example. 7 3600 900 604800 300"
REFERRAL = """
    sub.example. 3600 NS ns.sub.example.
    sub.example. 3600 NS ns.elsewhere.test.
"""
GLUE = """
    ns.sub.example. 3600 A 192.0.2.153
    ns.sub.example. 3600 AAAA 2001:db8::153
"""


@pytest.fixture(scope="module")
def example() -> Server:
    """A parent and its child, both served here."""
    return server({"example.": ZONE, "child.example.": CHILD})


@pytest.mark.parametrize(
    ("qname", "qtype", "answer"),
    [
        ("example.", "A", "example. 3600 A 192.0.2.1"),
        ("example.", "NS", "example. 3600 NS ns1.example."),
        (
            "example.",
            "SOA",
            "example. 3600 SOA ns1.example. hostmaster.example. 7 3600 900 604800 300",
        ),
        ("example.", "MX", "example. 3600 MX 10 mail.example."),
        ("www.example.", "A", "www.example. 3600 A 192.0.2.80\nwww.example. 3600 A 192.0.2.81"),
        ("www.example.", "AAAA", "www.example. 3600 AAAA 2001:db8::80"),
        ("host.a.b.example.", "A", "host.a.b.example. 3600 A 192.0.2.99"),
        ("www.child.example.", "A", "www.child.example. 3600 A 198.51.100.1"),
        ("child.example.", "NS", "child.example. 3600 NS ns1.child.example."),
    ],
)
def test_data_at_the_name_is_the_answer(
    example: Server, qname: str, qtype: str, answer: str
) -> None:
    """Step 3a: copy all RRs which match QTYPE; the answer is authoritative."""
    response = example.ask(qname, qtype)
    assert response.rcode() == dns.rcode.NOERROR
    assert response.flags & dns.flags.AA
    assert rows(response.answer) == lines(answer)
    assert rows(response.authority) == []
    assert rows(response.additional) == []


@pytest.mark.parametrize(
    ("qname", "qtype"),
    [
        ("www.example.", "TXT"),
        ("example.", "AAAA"),
        ("mail.example.", "MX"),
        ("b.example.", "A"),
        ("a.b.example.", "TXT"),
        ("www.example.", "CNAME"),
    ],
)
def test_a_name_without_the_type_is_nodata(example: Server, qname: str, qtype: str) -> None:
    """§3.7, §4.3.4: NOERROR, no answer, and the SOA; so too for empty non-terminals."""
    response = example.ask(qname, qtype)
    assert response.rcode() == dns.rcode.NOERROR
    assert response.flags & dns.flags.AA
    assert rows(response.answer) == []
    assert rows(response.authority) == [SOA]


@pytest.mark.parametrize(
    "qname", ["missing.example.", "x.www.example.", "x.a.b.example.", "ample.example."]
)
def test_a_name_that_is_not_there_is_nxdomain(example: Server, qname: str) -> None:
    """Step 3c: an authoritative name error, with the SOA (§4.3.4)."""
    response = example.ask(qname)
    assert response.rcode() == dns.rcode.NXDOMAIN
    assert response.flags & dns.flags.AA
    assert rows(response.answer) == []
    assert rows(response.authority) == [SOA]


@pytest.mark.parametrize(
    ("qname", "qtype", "rcode", "answer", "authority"),
    [
        (
            "alias.example.",
            "A",
            "NOERROR",
            """alias.example. 3600 CNAME www.example.
               www.example. 3600 A 192.0.2.80
               www.example. 3600 A 192.0.2.81""",
            "",
        ),
        (
            "second.example.",
            "AAAA",
            "NOERROR",
            """second.example. 3600 CNAME alias.example.
               alias.example. 3600 CNAME www.example.
               www.example. 3600 AAAA 2001:db8::80""",
            "",
        ),
        ("alias.example.", "CNAME", "NOERROR", "alias.example. 3600 CNAME www.example.", ""),
        ("second.example.", "CNAME", "NOERROR", "second.example. 3600 CNAME alias.example.", ""),
        ("nowhere.example.", "A", "NXDOMAIN", "nowhere.example. 3600 CNAME missing.example.", SOA),
        ("typeless.example.", "TXT", "NOERROR", "typeless.example. 3600 CNAME mail.example.", SOA),
        ("away.example.", "A", "NOERROR", "away.example. 3600 CNAME www.elsewhere.test.", ""),
        ("other.example.", "A", "NOERROR", "other.example. 3600 CNAME www.child.example.", ""),
        ("into.example.", "A", "NOERROR", "into.example. 3600 CNAME host.sub.example.", REFERRAL),
    ],
)
def test_an_alias_is_followed_while_it_stays_in_the_zone(
    example: Server, qname: str, qtype: str, rcode: str, answer: str, authority: str
) -> None:
    """Step 3a, second paragraph: the CNAME is copied and the search goes on at its target."""
    response = example.ask(qname, qtype)
    assert dns.rcode.to_text(response.rcode()) == rcode
    assert response.flags & dns.flags.AA
    assert rows(response.answer) == lines(answer)
    assert rows(response.authority) == lines(authority)


@pytest.mark.parametrize(
    ("qname", "answer"),
    [
        ("self.example.", "self.example. 3600 CNAME self.example."),
        ("SELF.example.", "SELF.example. 3600 CNAME SELF.example."),
        (
            "ping.example.",
            """ping.example. 3600 CNAME pong.example.
               pong.example. 3600 CNAME ping.example.""",
        ),
    ],
)
def test_a_loop_of_aliases_ends_with_each_record_once(
    example: Server, qname: str, answer: str
) -> None:
    """§3.6.2: CNAME loops should be caught; RFC 2181 §5: no record stands twice."""
    response = example.ask(qname)
    assert response.rcode() == dns.rcode.NOERROR
    assert rows(response.answer) == lines(answer)


def test_a_chain_longer_than_any_sane_one_is_cut() -> None:
    """A zone cannot make one query cost without bound; the resolver goes on where it ends."""
    long = HEAD + "".join(f"c{n} CNAME c{n + 1}\n" for n in range(100)) + "c100 A 192.0.2.1\n"
    response = server({"example.": long}).ask("c0.example.", tcp=True)
    assert response.rcode() == dns.rcode.NOERROR
    assert 8 <= len(response.answer) <= 20
    assert rows(response.answer)[0] == "c0.example. 3600 CNAME c1.example."


@pytest.mark.parametrize("qname", ["sub.example.", "host.sub.example.", "ns.sub.example."])
@pytest.mark.parametrize("qtype", ["A", "NS", "SOA", "TXT", "MX"])
def test_at_and_below_a_zone_cut_is_a_referral(example: Server, qname: str, qtype: str) -> None:
    """Step 3b: the NS RRs in the authority section, glue in additional, not authoritative."""
    response = example.ask(qname, qtype)
    assert response.rcode() == dns.rcode.NOERROR
    assert not response.flags & dns.flags.AA
    assert rows(response.answer) == []
    assert rows(response.authority) == lines(REFERRAL)
    assert rows(response.additional) == lines(GLUE)


@pytest.mark.parametrize("qname", ["elsewhere.test.", ".", "xample.", "test."])
def test_outside_every_zone_is_refused(example: Server, qname: str) -> None:
    """§4.3.2 step 2 finds no zone, and there is neither cache nor recursion to fall back on."""
    response = example.ask(qname)
    assert response.rcode() == dns.rcode.REFUSED
    assert not response.flags & dns.flags.AA
    assert not response.answer
    assert not response.authority


def test_a_class_that_is_not_served_is_refused(example: Server) -> None:
    """RFC 1034 §3.6: classes are namespaces apart, and only IN is here."""
    assert example.ask("www.example.", qclass="CH").rcode() == dns.rcode.REFUSED


@pytest.mark.parametrize("qtype", ["AXFR", "IXFR"])
@pytest.mark.parametrize("tcp", [False, True])
def test_zone_transfer_is_refused(example: Server, qtype: str, tcp: bool) -> None:
    """RFC 5936 §2.2.1: a server that does not transfer answers REFUSED."""
    assert example.ask("example.", qtype, tcp=tcp).rcode() == dns.rcode.REFUSED


def test_the_parent_answers_for_ds_at_the_cut() -> None:
    """RFC 4035 §3.1.4.1: DS belongs to the parent's side of a cut."""
    parent = HEAD + "sub NS ns.sub\nns.sub A 192.0.2.9\nsub DS 1 8 2 " + "ab" * 32 + "\n"
    bare = HEAD + "sub NS ns.sub\nns.sub A 192.0.2.9\n"
    signed = server({"example.": parent}).ask("sub.example.", "DS")
    assert signed.flags & dns.flags.AA
    assert rows(signed.answer) == ["sub.example. 3600 DS 1 8 2 " + "ab" * 32]
    unsigned = server({"example.": bare}).ask("sub.example.", "DS")
    assert unsigned.flags & dns.flags.AA
    assert rows(unsigned.authority) == [SOA]


def test_the_parent_answers_for_ds_where_the_child_is_served_too() -> None:
    """RFC 4035 §3.1.4.1: a server of both zones answers DS from the parent."""
    parent = HEAD + "child NS ns1.child\nns1.child A 192.0.2.53\nchild DS 1 8 2 " + "cd" * 32 + "\n"
    both = server({"example.": parent, "child.example.": CHILD})
    response = both.ask("child.example.", "DS")
    assert rows(response.answer) == ["child.example. 3600 DS 1 8 2 " + "cd" * 32]
    assert rows(both.ask("child.example.", "SOA").answer)[0].startswith("child.example. 3600 SOA")
