"""RFC 9471: a referral carries all the glue of in-domain name servers, or sets TC."""

from __future__ import annotations

import dns.flags
import dns.rcode
import pytest
from harness.messages import query, read, rows
from harness.server import HEAD, Server, server

MANY = 20
ZONE = (
    HEAD
    + "".join(
        f"big NS ns{n}.big\nns{n}.big A 192.0.2.{n}\nns{n}.big AAAA 2001:db8::{n}\n"
        for n in range(MANY)
    )
    + "small NS ns.small\nsmall NS out.test.\nns.small A 192.0.2.1\n"
    + "left NS ns.right\nns.left A 192.0.2.2\nright NS ns.left\nns.right A 192.0.2.3\n"
    + "host NS ns1\n"
)


@pytest.fixture(scope="module")
def example() -> Server:
    """Delegations with little and with much glue."""
    return server({"example.": ZONE})


def test_glue_that_fits_is_all_there(example: Server) -> None:
    """§3.1: "it MUST include all available glue records for in-domain name servers"."""
    response = example.ask("www.small.example.")
    assert not response.flags & dns.flags.TC
    assert rows(response.additional) == ["ns.small.example. 3600 A 192.0.2.1"]


@pytest.mark.parametrize("payload", [512, 800, 1000, 1231, 1232])
def test_glue_that_does_not_fit_sets_tc(example: Server, payload: int) -> None:
    """§3.1: "or MUST set TC=1 if constrained by message size"."""
    packet = query("www.big.example.", edns=0, payload=payload)
    whole = example.send(packet, tcp=True)
    response = read(packet, example.send(packet), limit=payload)
    assert bool(response.flags & dns.flags.TC) is (len(whole) > payload)
    if not response.flags & dns.flags.TC:
        assert len(rows(response.additional)) == 2 * MANY


def test_over_tcp_all_of_it_comes(example: Server) -> None:
    """§3.1: the retry over TCP is what TC is for."""
    response = example.ask("www.big.example.", tcp=True)
    assert len(rows(response.authority)) == MANY
    assert len(rows(response.additional)) == 2 * MANY


@pytest.mark.parametrize(
    ("qname", "glue"),
    [
        ("www.left.example.", "ns.right.example. 3600 A 192.0.2.3"),
        ("www.right.example.", "ns.left.example. 3600 A 192.0.2.2"),
    ],
)
def test_glue_of_sibling_domains_is_given(example: Server, qname: str, glue: str) -> None:
    """§3.2: SHOULD; two delegations that name each other cannot be reached without (§2.3)."""
    assert rows(example.ask(qname).additional) == [glue]
