"""RFC 8914: extended errors say why, to those who speak EDNS."""

from __future__ import annotations

import dns.rcode
import pytest
from dns.rdatatype import CNAME
from harness.config import CHAT, REGIONS, config_text
from harness.messages import ede_of, option
from harness.server import DOWN, HEAD, NOW, server

from resolverd.health.verdict import UNKNOWN

ZONE = HEAD + "www A 192.0.2.80\nchat DYNA chat\n"
EDE = 15
OTHER, PROHIBITED, NOT_AUTHORITATIVE = 0, 18, 20
NO_REGION = """
[pin.nowhere]
subnets = ["203.0.113.0/24"]
regions = ["us-west"]
services = ["west"]
[service.west]
regions = ["us-east"]
"""
ALL_DOWN = {f"{region}-1": DOWN for region in REGIONS}


def test_outside_every_zone_is_not_authoritative() -> None:
    """§4.21: "an authoritative server that receives a query for a domain for which it is not"."""
    response = server({"example.": ZONE}).ask("outside.test.", edns=0)
    assert ede_of(response)[0] == NOT_AUTHORITATIVE
    assert response.rcode() == dns.rcode.REFUSED


@pytest.mark.parametrize("qclass", ["CH", "ANY"])
def test_another_class_is_not_served_though_a_zone_has_the_name(qclass: str) -> None:
    """RFC 1035 §3.2.4: a class is a name space of its own; EXTRA-TEXT says so (RFC 8914 §2)."""
    response = server({"example.": ZONE}).ask("www.example.", edns=0, qclass=qclass)
    assert ede_of(response) == (NOT_AUTHORITATIVE, "no class but IN is served here")
    assert response.rcode() == dns.rcode.REFUSED


def test_a_zone_transfer_is_prohibited() -> None:
    """§4.19: the client is not authorised."""
    assert ede_of(server({"example.": ZONE}).ask("example.", "AXFR", edns=0))[0] == PROHIBITED


def test_an_empty_fence_is_prohibited() -> None:
    """Pins that leave a client no region give it none, and say so."""
    zone = HEAD + "west DYNA west\n"
    pinned = server({"example.": zone}, config_text(CHAT + NO_REGION))
    response = pinned.ask("west.example.", edns=0, source="203.0.113.9")
    assert [rrset.rdtype for rrset in response.answer] == [CNAME]
    code, text = ede_of(response)
    assert code == PROHIBITED
    assert "pin" in text
    elsewhere = pinned.ask("west.example.", edns=0, source="198.51.100.9")
    assert elsewhere.rcode() == dns.rcode.NOERROR
    assert option(elsewhere, EDE) == []


@pytest.mark.parametrize(
    ("all_down", "rcode", "answers"),
    [
        ("nearest", "NOERROR", 1),
        ("cname", "NOERROR", 1),
        ("servfail", "SERVFAIL", 0),
        ("nodata", "NOERROR", 0),
    ],
)
def test_when_everything_is_down_the_answer_says_so(
    all_down: str, rcode: str, answers: int
) -> None:
    """§2: an extended error may accompany any RCODE, NOERROR included."""
    config = config_text(CHAT + f'all_down = "{all_down}"\n')
    response = server({"example.": ZONE}, config, verdicts=ALL_DOWN).ask("chat.example.", edns=0)
    assert dns.rcode.to_text(response.rcode()) == rcode
    assert len(response.answer) == answers
    code, text = ede_of(response)
    assert code == OTHER
    assert "no allowed region serves" in text


def test_unknown_is_neither_up_nor_down() -> None:
    """Before anything is known the preferred region is answered, marked."""
    unknown = dict.fromkeys(ALL_DOWN, UNKNOWN)
    response = server({"example.": ZONE}, verdicts=unknown, now=NOW).ask("chat.example.", edns=0)
    assert len(response.answer) == 1
    assert ede_of(response)[0] == OTHER


def test_no_error_no_option() -> None:
    """A healthy answer carries none."""
    response = server({"example.": ZONE}).ask("chat.example.", edns=0)
    assert option(response, EDE) == []


@pytest.mark.parametrize("qname", ["outside.test.", "chat.example."])
def test_without_edns_there_is_nowhere_to_say_it(qname: str) -> None:
    """§3: the option lives in OPT, which MUST NOT come unasked (RFC 6891 §7)."""
    assert server({"example.": ZONE}, verdicts=ALL_DOWN).ask(qname).opt is None
