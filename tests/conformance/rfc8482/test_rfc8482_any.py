"""RFC 8482: minimal answers to QTYPE=ANY."""

from __future__ import annotations

import dns.rcode
import pytest
from harness.config import CHAT, config_text
from harness.messages import lines, rows
from harness.server import HEAD, Server, server

ZONE = (
    HEAD
    + """
www    A     192.0.2.80
www    TXT   "many"
www    MX    10 www
alias  CNAME www
*.wild TXT   "x"
a.ent  A     192.0.2.1
chat   DYNA  chat
edge   DYNA  edge
sub    NS    ns.elsewhere.test.
"""
)
EDGE = CHAT + '[service.edge]\nregions = ["us-east"]\nanswer = "cname"\nttl = 30\n'
SOA = "example. 300 SOA ns1.example. hostmaster.example. 7 3600 900 604800 300"


@pytest.fixture(scope="module")
def example() -> Server:
    """One zone with every sort of owner."""
    return server({"example.": ZONE}, config_text(EDGE))


@pytest.mark.parametrize("qname", ["example.", "www.example.", "x.wild.example.", "chat.example."])
@pytest.mark.parametrize("tcp", [False, True])
def test_a_synthesised_hinfo_stands_for_everything(example: Server, qname: str, tcp: bool) -> None:
    """§4.2: CPU is "RFC8482", OS is the null string, and nothing else."""
    response = example.ask(qname, "ANY", tcp=tcp)
    assert rows(response.answer) == [f'{qname} 3600 HINFO "RFC8482" ""']
    assert rows(response.authority) == []


@pytest.mark.parametrize(
    ("qname", "answer"),
    [
        ("alias.example.", "alias.example. 3600 CNAME www.example."),
        ("edge.example.", "edge.example. 30 CNAME us-east.inference.example."),
    ],
)
def test_an_alias_is_given_as_it_is(example: Server, qname: str, answer: str) -> None:
    """§4.2 synthesises only "if there is no CNAME present at the owner name"."""
    assert rows(example.ask(qname, "ANY").answer) == [answer]


@pytest.mark.parametrize(
    ("qname", "rcode", "authority"),
    [
        ("missing.example.", "NXDOMAIN", SOA),
        ("ent.example.", "NOERROR", SOA),
        ("sub.example.", "NOERROR", "sub.example. 3600 NS ns.elsewhere.test."),
    ],
)
def test_where_there_is_nothing_any_finds_nothing(
    example: Server, qname: str, rcode: str, authority: str
) -> None:
    """§4 changes what is answered for data that exists, and nothing else."""
    response = example.ask(qname, "ANY")
    assert dns.rcode.to_text(response.rcode()) == rcode
    assert rows(response.answer) == []
    assert rows(response.authority) == lines(authority)
