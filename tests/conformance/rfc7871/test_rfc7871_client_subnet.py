"""RFC 7871: client subnet, from an authoritative server's side."""

from __future__ import annotations

import dns.edns
import dns.rcode
import pytest
from harness.config import CHAT, address_of, config_text
from harness.messages import ecs_of, option, query, read, rows
from harness.places import LONDON, NEW_YORK, SAN_FRANCISCO, TOKYO
from harness.server import DOWN, HEAD, Server, server

ECS = dns.edns.OptionType.ECS
PLACES = {
    "10.1.0.0/16": NEW_YORK,
    "10.2.0.0/15": SAN_FRANCISCO,
    "10.2.128.0/17": TOKYO,
    "10.4.4.0/24": LONDON,
    "198.51.100.0/24": TOKYO,
    "2001:db8:1::/48": NEW_YORK,
    "2001:db8:2::/47": TOKYO,
}
CONFIG = config_text(
    CHAT
    + """
[service.blind]
regions = ["us-east", "us-west", "eu-west", "ap-northeast"]
ecs = false
[service.edge]
regions = ["us-east", "ap-northeast"]
answer = "cname"
[service.pinned]
regions = ["us-east", "eu-west"]
[pin.office]
subnets = ["10.1.2.64/26"]
regions = ["eu-west"]
services = ["pinned"]
[pin.refused]
subnets = ["10.1.3.0/24"]
regions = ["us-west"]
services = ["pinned"]
"""
)
ZONE = (
    HEAD
    + """
www     A     192.0.2.80
chat    DYNA  chat
chat    TXT   "beside"
blind   DYNA  blind
edge    DYNA  edge
pinned  DYNA  pinned
alias   CNAME chat
*.wild  DYNA  chat
"""
)


@pytest.fixture(scope="module")
def example() -> Server:
    """One zone of steered and unsteered names over a table of places."""
    return server({"example.": ZONE}, CONFIG, places=PLACES)


@pytest.mark.parametrize(
    ("subnet", "region", "scope"),
    [
        # The scope is the network of the database: longer or shorter than what was asked.
        ("10.1.2.0/24", "us-east", 16),
        ("10.1.2.3/32", "us-east", 16),
        ("10.1.0.0/16", "us-east", 16),
        ("10.0.0.0/9", "eu-west", 16),
        ("10.2.1.0/24", "us-west", 17),
        ("10.2.129.0/24", "ap-northeast", 17),
        ("10.3.0.0/24", "us-west", 16),
        ("10.2.0.0/16", "us-west", 17),
        ("10.4.4.0/24", "eu-west", 24),
        ("2001:db8:1::/48", "us-east", 48),
        ("2001:db8:1:2::/56", "us-east", 48),
        ("2001:db8:2::/48", "ap-northeast", 47),
        # Unplaced: the edge host's own place, Frankfurt, and the widest block without a place.
        ("10.128.0.0/24", "eu-west", 9),
        ("10.4.5.0/24", "eu-west", 24),
        # 64:ff9b::/96 stands for the IPv4 address in it.
        ("64:ff9b::a02:8100/120", "ap-northeast", 96 + 17),
    ],
)
@pytest.mark.parametrize("qname", ["chat.example.", "alias.example.", "x.wild.example."])
def test_the_scope_is_exact(
    example: Server, subnet: str, region: str, scope: int, qname: str
) -> None:
    """§7.2.1: the scope is the network for which the answer is suitable."""
    response = example.ask(qname, ecs=subnet)
    assert rows(response.answer)[-1].endswith(f" A {address_of(region)}")
    answered = ecs_of(response)
    assert answered.scopelen == scope


@pytest.mark.parametrize(
    "subnet", ["10.1.2.0/24", "10.1.2.3/32", "0.0.0.0/0", "2001:db8:1::/48", "::/0", "128.0.0.0/1"]
)
@pytest.mark.parametrize("qname", ["chat.example.", "www.example.", "no.example.", "else.test."])
def test_family_source_and_address_are_echoed(example: Server, subnet: str, qname: str) -> None:
    """§7.2.1: "FAMILY, SOURCE PREFIX-LENGTH, and ADDRESS" must match those of the query."""
    packet = query(qname, ecs=subnet)
    response = read(packet, example.send(packet))
    address, _, length = subnet.partition("/")
    asked = dns.edns.ECSOption(address, int(length))
    answered = ecs_of(response)
    assert (answered.family, answered.srclen) == (asked.family, asked.srclen)
    assert answered.address == asked.address


@pytest.mark.parametrize("qname", ["chat.example.", "www.example."])
def test_no_option_is_given_unasked(example: Server, qname: str) -> None:
    """§7.2.1: "MUST NOT" be in a response to a query without it."""
    assert option(example.ask(qname, edns=0), ECS) == []
    assert example.ask(qname).opt is None


@pytest.mark.parametrize(
    ("qname", "qtype"),
    [
        ("www.example.", "A"),
        ("example.", "SOA"),
        ("www.example.", "TXT"),
        ("missing.example.", "A"),
        ("chat.example.", "TXT"),
        ("chat.example.", "MX"),
        ("chat.example.", "ANY"),
        ("blind.example.", "A"),
    ],
)
def test_what_is_the_same_for_everybody_has_scope_0(
    example: Server, qname: str, qtype: str
) -> None:
    """§7.2.1: scope 0 tells that the answer suits all addresses; so too with ecs = false."""
    for subnet in ("10.1.2.0/24", "198.51.100.0/24", "2001:db8:1::/48"):
        assert ecs_of(example.ask(qname, qtype, ecs=subnet)).scopelen == 0


@pytest.mark.parametrize("subnet", ["0.0.0.0/0", "::/0"])
def test_source_0_asks_to_be_left_out(example: Server, subnet: str) -> None:
    """§7.1.2: the option is no hint then; the resolver's own address decides, scope 0."""
    response = example.ask("chat.example.", ecs=subnet, source="198.51.100.1")
    assert rows(response.answer) == [f"chat.example. 60 A {address_of('ap-northeast')}"]
    assert ecs_of(response).scopelen == 0


def test_without_ecs_the_source_address_decides(example: Server) -> None:
    """§7.2.1: absent the option, the packet's source is all there is."""
    for source, region in (("10.1.9.9", "us-east"), ("198.51.100.1", "ap-northeast")):
        for edns in (None, 0):
            response = example.ask("chat.example.", source=source, edns=edns)
            assert rows(response.answer) == [f"chat.example. 60 A {address_of(region)}"]


def test_a_service_without_ecs_looks_at_the_source_only(example: Server) -> None:
    """`ecs = false`: the option is echoed and not honoured."""
    response = example.ask("blind.example.", ecs="10.1.2.0/24", source="198.51.100.1")
    assert rows(response.answer) == [f"blind.example. 60 A {address_of('ap-northeast')}"]
    assert ecs_of(response).srclen == 24


def test_a_service_that_answers_with_an_alias_has_a_scope(example: Server) -> None:
    """The CNAME depends on the client as an address would."""
    response = example.ask("edge.example.", ecs="10.2.129.0/24")
    assert rows(response.answer) == ["edge.example. 60 CNAME ap-northeast.inference.example."]
    assert ecs_of(response).scopelen == 17


@pytest.mark.parametrize(
    ("subnet", "region", "scope"),
    [
        ("10.1.2.64/26", "eu-west", 26),
        ("10.1.2.70/32", "eu-west", 26),
        ("10.1.2.0/26", "us-east", 26),
        ("10.1.2.128/25", "us-east", 25),
        ("10.1.128.0/24", "us-east", 17),
        # A prefix that straddles the pin gets its fence, and is told to ask again, longer.
        ("10.1.2.0/24", "eu-west", 26),
    ],
)
def test_pins_split_the_scope(example: Server, subnet: str, region: str, scope: int) -> None:
    """§7.2.1: a scope longer than the source asks for a longer prefix next time."""
    response = example.ask("pinned.example.", ecs=subnet)
    assert rows(response.answer) == [f"pinned.example. 60 A {address_of(region)}"]
    assert ecs_of(response).scopelen == scope


def test_that_there_is_no_region_holds_for_the_pin_only(example: Server) -> None:
    """§7.2.1: the scope says for whom there is no region."""
    response = example.ask("pinned.example.", ecs="10.1.3.0/24")
    assert rows(response.answer) == ["pinned.example. 60 CNAME _no-region.example."]
    assert ecs_of(response).scopelen == 24


def test_nodata_that_steering_causes_has_a_scope() -> None:
    """§7.4: a negative answer that depends on the client must not be everybody's.

    us-west alone has no IPv6.
    """
    example = server({"example.": ZONE}, CONFIG, places=PLACES)
    response = example.ask("chat.example.", "AAAA", ecs="10.2.1.0/24")
    assert rows(response.answer) == []
    assert ecs_of(response).scopelen == 17


def test_the_scope_does_not_follow_health() -> None:
    """A failover moves the answer; the network for which it is suitable stays."""
    down = server({"example.": ZONE}, CONFIG, places=PLACES, verdicts={"us-east-1": DOWN})
    response = down.ask("chat.example.", ecs="10.1.2.0/24")
    assert rows(response.answer) == [f"chat.example. 5 A {address_of('us-west')}"]
    assert ecs_of(response).scopelen == 16


def test_the_edge_stands_in_for_whom_nothing_places() -> None:
    """docs/meaning.md: with no database at all, everybody is where this edge host is; scope 0."""
    response = server({"example.": ZONE}, CONFIG).ask("chat.example.", ecs="10.1.2.0/24")
    assert rows(response.answer) == [f"chat.example. 60 A {address_of('eu-west')}"]
    assert ecs_of(response).scopelen == 0


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("ecs_short", ""),
        ("ecs_short", "0001"),
        ("ecs_short", "000118"),
        ("ecs_family", "0003 18 00 0a0102"),
        ("ecs_family", "0000 18 00 0a0102"),
        ("ecs_family", "0000 00 00 0a"),
        ("ecs_length", "0001 21 00 0a01020304"),
        ("ecs_length", "0002 81 00" + "20" * 17),
        ("ecs_length", "0001 18 18 0a0102"),
        ("ecs_length", "0001 00 01"),
        ("ecs_address", "0001 18 00 0a01"),
        ("ecs_address", "0001 18 00 0a010203"),
        ("ecs_address", "0001 00 00 0a"),
        ("ecs_address", "0001 18 00"),
        ("ecs_trailing_bits", "0001 17 00 0a0103"),
        ("ecs_trailing_bits", "0001 01 00 c0"),
        ("ecs_trailing_bits", "0002 2f 00 20010db80001"),
    ],
)
@pytest.mark.parametrize("qname", ["chat.example.", "www.example.", "else.test."])
def test_a_malformed_option_is_formerr(kind: str, data: str, qname: str) -> None:
    """§6, §7.1.2: lengths must agree, bits past the prefix and SCOPE be 0; else FORMERR.

    §7.2.1: an address that is too long or too short, or has bits set, "SHOULD be FORMERR".
    """
    example = server({"example.": ZONE}, CONFIG)
    asked = dns.edns.GenericOption(ECS, bytes.fromhex(data))
    response = example.ask(qname, options=[asked])
    assert response.rcode() == dns.rcode.FORMERR
    assert response.opt is not None
    assert option(response, ECS) == []
    assert example.counters.malformed == {kind: 1}


def test_family_0_is_an_opt_out() -> None:
    """dig sends it for ``+subnet=0``: family, source and scope all zero, and no address."""
    example = server({"example.": ZONE}, CONFIG)
    asked = dns.edns.GenericOption(ECS, bytes(4))
    wire = example.send(query("chat.example.", options=[asked]))
    assert wire.endswith(bytes.fromhex("0008 0004 0000 00 00"))
    assert wire[3] & 0x0F == dns.rcode.NOERROR


def test_two_options_are_formerr() -> None:
    """§6 knows one option per query; which of two is meant cannot be told."""
    example = server({"example.": ZONE}, CONFIG)
    asked = [dns.edns.ECSOption("10.1.2.0", 24), dns.edns.ECSOption("10.2.2.0", 24)]
    assert example.ask("chat.example.", options=asked).rcode() == dns.rcode.FORMERR
    assert example.counters.malformed == {"ecs_repeated": 1}
