"""RFC 6604 §3: the RCODE of a chain of aliases is that of its last name."""

from __future__ import annotations

from itertools import pairwise

import dns.flags
import dns.rcode
import pytest
from harness.messages import rows
from harness.server import HEAD, Server, server

ZONE = (
    HEAD
    + """
www     A     192.0.2.80
to-www  CNAME www
to-ent  CNAME ent
a.ent   A     192.0.2.1
to-none CNAME none
two     CNAME to-none
three   CNAME two
away    CNAME none.elsewhere.test.
old     DNAME new
x.new   A     192.0.2.2
to-old  CNAME none.old
"""
)


@pytest.fixture(scope="module")
def example() -> Server:
    """One zone with chains of every end."""
    return server({"example.": ZONE})


@pytest.mark.parametrize(
    ("qname", "rcode", "links"),
    [
        ("to-www.example.", "NOERROR", 1),
        ("to-ent.example.", "NOERROR", 1),
        ("to-none.example.", "NXDOMAIN", 1),
        ("two.example.", "NXDOMAIN", 2),
        ("three.example.", "NXDOMAIN", 3),
        ("away.example.", "NOERROR", 1),
        ("x.old.example.", "NOERROR", 2),
        ("none.old.example.", "NXDOMAIN", 2),
        ("to-old.example.", "NXDOMAIN", 3),
    ],
)
def test_the_last_name_gives_the_rcode(example: Server, qname: str, rcode: str, links: int) -> None:
    """§2.1: AA is of the first owner; §3: RCODE is set from the last query cycle."""
    response = example.ask(qname)
    assert dns.rcode.to_text(response.rcode()) == rcode
    assert response.flags & dns.flags.AA
    aliases = [row for row in rows(response.answer) if "NAME" in row.split()[2]]
    assert len(aliases) == links


FAR = ["start", *(".".join([letter * 60] * 3) for letter in "abcde"), "none"]
LONG = HEAD + "".join(f"{name} CNAME {target}\n" for name, target in pairwise(FAR))


def test_a_truncated_chain_has_the_rcode_of_the_whole_one() -> None:
    """§3 makes no difference for TC: over TCP the same query gets the same RCODE."""
    example = server({"example.": LONG})
    seen = set()
    for payload in range(512, 1233):
        response = example.ask("start.example.", edns=0, payload=payload)
        assert response.rcode() == dns.rcode.NXDOMAIN
        seen.add(bool(response.flags & dns.flags.TC))
    assert seen == {True, False}
