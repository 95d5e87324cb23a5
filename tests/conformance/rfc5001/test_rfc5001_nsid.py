"""RFC 5001: the name server identifier, for those who ask."""

from __future__ import annotations

import dns.edns
import pytest
from harness.config import config_text
from harness.messages import option
from harness.server import HEAD, server

NSID = dns.edns.OptionType.NSID
WANTED = dns.edns.GenericOption(NSID, b"")


@pytest.mark.parametrize("qname", ["ns1.example.", "no.example.", "outside.test."])
def test_it_is_given_when_asked(qname: str) -> None:
    """§2.1, §2.2: an empty option in the query, the identifier in the response."""
    example = server({"example.": HEAD}, config_text(server='nsid = "fra1"'))
    (given,) = option(example.ask(qname, options=[WANTED]), NSID)
    assert given.to_wire() == b"fra1"


def test_it_is_not_given_unasked() -> None:
    """§2.1: "MUST NOT" otherwise."""
    example = server({"example.": HEAD}, config_text(server='nsid = "fra1"'))
    assert option(example.ask("ns1.example.", edns=0), NSID) == []
    assert example.ask("ns1.example.").opt is None


def test_a_server_without_one_gives_none() -> None:
    """§3.1: the identifier is the operator's choice; here, none."""
    example = server({"example.": HEAD})
    assert option(example.ask("ns1.example.", options=[WANTED]), NSID) == []


def test_what_the_query_puts_into_it_is_ignored() -> None:
    """§2.1: "the NSID option in the query has no payload"; a server ignores any."""
    example = server({"example.": HEAD}, config_text(server='nsid = "fra1"'))
    asked = dns.edns.GenericOption(NSID, b"spoofed")
    (given,) = option(example.ask("ns1.example.", options=[asked]), NSID)
    assert given.to_wire() == b"fra1"
