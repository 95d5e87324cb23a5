"""DYNA: what a steered name answers, wherever it stands in a zone (docs/meaning.md)."""

from __future__ import annotations

import dns.flags
import dns.rcode
import pytest
from harness.config import CHAT, REGIONS, address_of, config_text, ipv6_of
from harness.messages import lines, rows
from harness.places import SAN_FRANCISCO, TOKYO
from harness.server import DOWN, HEAD, NOW, Server, server

from resolverd.health.verdict import State, Verdict

SERVICES = (
    CHAT
    + """
[service.west]
regions = ["us-west"]
ttl = 600
[service.edge]
regions = ["us-east", "ap-northeast"]
answer = "cname"
[service.away]
regions = ["eu-west"]
answer = "cname"
[service.brief]
regions = ["us-east", "us-west"]
ttl = 10
failover_ttl = 2
[service.silent]
regions = ["us-east"]
all_down = "nodata"
"""
)
ZONE = (
    HEAD
    + """
@            60 DYNA  chat
@               MX    10 mail
mail            A     192.0.2.25
chat         60 DYNA  chat
chat            TXT   "model=llama"
chat            CAA   0 issue "ca.test"
chat            HTTPS 1 . alpn=h2
chat            MX    10 mail
low          20 DYNA  chat
high       9999 DYNA  west
*.wild       30 DYNA  chat
not.wild        TXT   "named"
edge        300 DYNA  edge
elsewhere       DYNA  away
to-chat         CNAME chat
to-edge         CNAME edge
old             DNAME wild
brief           DYNA  brief
silent          DYNA  silent
west            DYNA  west
us-east         A     198.51.100.1
"""
)
SOA = (
    "inference.example. 300 SOA ns1.inference.example. hostmaster.inference.example. "
    "7 3600 900 604800 300"
)
CONFIG = config_text(SERVICES)
ORIGIN = "inference.example."
NEW = {"198.51.100.0/24": SAN_FRANCISCO, "203.0.113.0/24": TOKYO}


@pytest.fixture(scope="module")
def example() -> Server:
    """Every service is up; the client 203.0.113.7 stands in Tokyo, others at the edge."""
    return server({ORIGIN: ZONE}, CONFIG, places=NEW)


@pytest.mark.parametrize(
    ("label", "qtype", "answer"),
    [
        ("", "A", f"inference.example. 60 A {address_of('ap-northeast')}"),
        ("", "AAAA", f"inference.example. 60 AAAA {ipv6_of('ap-northeast')}"),
        ("", "MX", "inference.example. 3600 MX 10 mail.inference.example."),
        ("", "NS", "inference.example. 3600 NS ns1.inference.example."),
        ("chat.", "A", f"chat.inference.example. 60 A {address_of('ap-northeast')}"),
        ("chat.", "AAAA", f"chat.inference.example. 60 AAAA {ipv6_of('ap-northeast')}"),
        ("chat.", "TXT", 'chat.inference.example. 3600 TXT "model=llama"'),
        ("chat.", "CAA", 'chat.inference.example. 3600 CAA 0 issue "ca.test"'),
        ("chat.", "HTTPS", 'chat.inference.example. 3600 HTTPS 1 . alpn="h2"'),
        ("chat.", "MX", "chat.inference.example. 3600 MX 10 mail.inference.example."),
        ("x.wild.", "A", f"x.wild.inference.example. 30 A {address_of('ap-northeast')}"),
        ("a.b.wild.", "AAAA", f"a.b.wild.inference.example. 30 AAAA {ipv6_of('ap-northeast')}"),
        (
            "to-chat.",
            "A",
            f"""to-chat.inference.example. 3600 CNAME chat.inference.example.
                chat.inference.example. 60 A {address_of("ap-northeast")}""",
        ),
        (
            "x.old.",
            "A",
            f"""old.inference.example. 3600 DNAME wild.inference.example.
                x.old.inference.example. 3600 CNAME x.wild.inference.example.
                x.wild.inference.example. 30 A {address_of("ap-northeast")}""",
        ),
        # A CNAME service chains to a name of the zone, which may or may not be there, and out.
        ("edge.", "CNAME", "edge.inference.example. 60 CNAME ap-northeast.inference.example."),
        ("elsewhere.", "CNAME", "elsewhere.inference.example. 60 CNAME eu-west.inference.example."),
    ],
)
def test_steered_and_plain_data_share_a_name(
    example: Server, label: str, qtype: str, answer: str
) -> None:
    """A and AAAA are the service's; every other type is the zone's own."""
    response = example.ask(label + ORIGIN, qtype)
    assert response.rcode() == dns.rcode.NOERROR
    assert response.flags & dns.flags.AA
    assert rows(response.answer) == lines(answer)
    assert rows(response.authority) == []


@pytest.mark.parametrize(
    ("label", "qtype"),
    [("chat.", "SRV"), ("x.wild.", "TXT"), ("not.wild.", "A"), ("wild.", "A"), ("*.wild.", "MX")],
)
def test_types_that_neither_has_are_nodata(example: Server, label: str, qtype: str) -> None:
    """RFC 2308 §2.2, with the zone's negative TTL: steering has no part in it."""
    response = example.ask(label + ORIGIN, qtype)
    assert response.rcode() == dns.rcode.NOERROR
    assert rows(response.answer) == []
    assert rows(response.authority) == [SOA]


@pytest.mark.parametrize(
    ("source", "label", "rcode", "answer"),
    [
        (
            "192.0.2.1",
            "edge.",
            "NOERROR",
            """edge.inference.example. 60 CNAME us-east.inference.example.
               us-east.inference.example. 3600 A 198.51.100.1""",
        ),
        (
            "192.0.2.1",
            "to-edge.",
            "NOERROR",
            """to-edge.inference.example. 3600 CNAME edge.inference.example.
               edge.inference.example. 60 CNAME us-east.inference.example.
               us-east.inference.example. 3600 A 198.51.100.1""",
        ),
        (
            "203.0.113.7",
            "edge.",
            "NXDOMAIN",
            "edge.inference.example. 60 CNAME ap-northeast.inference.example.",
        ),
    ],
)
def test_a_service_that_answers_with_an_alias_is_followed_inside_the_zone(
    example: Server, source: str, label: str, rcode: str, answer: str
) -> None:
    """RFC 1034 §4.3.2 step 3a, RFC 6604: the chain goes on, and its last name gives the RCODE."""
    response = example.ask(label + ORIGIN, source=source)
    assert dns.rcode.to_text(response.rcode()) == rcode
    assert rows(response.answer) == lines(answer)


@pytest.mark.parametrize("qtype", ["A", "AAAA", "TXT", "MX", "HTTPS"])
def test_an_alias_that_leaves_the_zone_ends_there(qtype: str) -> None:
    """The CNAME stands for every type, and its target is for the resolver to ask."""
    config = config_text(SERVICES, domain="elsewhere.test")
    qname = "elsewhere.inference.example."
    response = server({ORIGIN: ZONE}, config).ask(qname, qtype)
    assert response.rcode() == dns.rcode.NOERROR
    assert rows(response.answer) == [f"{qname} 60 CNAME eu-west.elsewhere.test."]
    assert rows(response.authority) == []


@pytest.mark.parametrize(
    ("label", "ttl"), [("chat.", 60), ("low.", 20), ("high.", 600), ("edge.", 60), ("brief.", 10)]
)
def test_the_ttl_is_the_lesser_of_the_records_and_the_services(
    example: Server, label: str, ttl: int
) -> None:
    """The DYNA's own TTL is the ceiling of its answers'."""
    assert example.ask(label + ORIGIN).answer[0].ttl == ttl


@pytest.mark.parametrize(("label", "ttl"), [("chat.", 5), ("low.", 5), ("brief.", 2), ("high.", 5)])
def test_once_a_region_is_down_the_ttl_is_low(label: str, ttl: int) -> None:
    """docs/meaning.md: failover_ttl for those clients whose preferred region is away."""
    down = {f"{region}-1": DOWN for region in ("us-west", "us-east", "eu-west")}
    failed = server({ORIGIN: ZONE}, CONFIG, verdicts=down)
    assert failed.ask(label + ORIGIN, source="192.0.2.1").answer[0].ttl == ttl


def test_at_the_first_failure_the_ttl_falls_and_the_answer_stays() -> None:
    """docs/meaning.md: horizon(suspect) = the failures still needed × fast_interval."""
    suspect = Verdict(State.SUSPECT, None, "test", 9.0, State.SUSPECT, probed_at=NOW)
    shaky = server({ORIGIN: ZONE}, CONFIG, verdicts={"eu-west-1": suspect})
    (answer,) = shaky.ask("chat." + ORIGIN, source="192.0.2.1").answer
    assert str(answer[0]) == address_of("eu-west")
    assert 5 <= answer.ttl <= 9


def test_the_family_that_a_region_lacks_is_nodata_with_the_steering_ttl(example: Server) -> None:
    """docs/meaning.md: it must not outlive a failover to a region that has the family."""
    response = example.ask("chat." + ORIGIN, "AAAA", source="198.51.100.1")
    assert response.rcode() == dns.rcode.NOERROR
    assert response.flags & dns.flags.AA
    assert rows(response.answer) == []
    assert rows(response.authority) == [SOA.replace(" 300 SOA", " 60 SOA")]
    longer = example.ask("high." + ORIGIN, "AAAA")
    assert rows(longer.authority) == [SOA], "never over the zone's own negative TTL"


def test_nodata_because_everything_is_down_has_the_steering_ttl() -> None:
    """`all_down = "nodata"`: kept for failover_ttl at most."""
    down = server({ORIGIN: ZONE}, CONFIG, verdicts={"us-east-1": DOWN})
    response = down.ask("silent." + ORIGIN)
    assert response.rcode() == dns.rcode.NOERROR
    assert rows(response.answer) == []
    assert rows(response.authority) == [SOA.replace(" 300 SOA", " 5 SOA")]


MANY = """
[[region.us-east.endpoint]]
url = "http://192.0.2.11:8000"
address = ["192.0.2.11", "2001:db8::11"]
[[region.us-east.endpoint]]
url = "http://192.0.2.12:8000"
address = ["192.0.2.12"]
[service.chat]
regions = ["us-east"]
"""


def test_the_id_rotates_the_addresses() -> None:
    """The order begins at ID modulo the number of records, and no record is lost."""
    many = server({ORIGIN: HEAD + "chat DYNA chat\n"}, config_text(MANY))
    addresses = ["192.0.2.10", "192.0.2.11", "192.0.2.12"]
    for qid in (0, 1, 2, 3, 4, 65535, 30001):
        (answer,) = many.ask("chat." + ORIGIN, qid=qid).answer
        start = qid % 3
        assert [str(rdata) for rdata in answer] == addresses[start:] + addresses[:start]
        (answer,) = many.ask("chat." + ORIGIN, "AAAA", qid=qid).answer
        assert str(answer[0]) == ("2001:db8::11" if qid % 2 else "2001:db8::10")


def test_only_endpoints_that_are_up_are_answered() -> None:
    """docs/meaning.md: the addresses of the chosen region's endpoints that are up."""
    zone = HEAD + "chat DYNA chat\n"
    some = server({ORIGIN: zone}, config_text(MANY), verdicts={"us-east-2": DOWN})
    (answer,) = some.ask("chat." + ORIGIN).answer
    assert sorted(map(str, answer)) == ["192.0.2.10", "192.0.2.12"]
    every = {f"us-east-{n}": DOWN for n in (1, 2, 3)}
    (answer,) = (
        server({ORIGIN: zone}, config_text(MANY), verdicts=every).ask("chat." + ORIGIN).answer
    )
    assert len(answer) == 3, "all of them when the region is answered although none is up"


@pytest.mark.parametrize("dead", REGIONS)
def test_the_next_region_answers_for_a_dead_one(example: Server, dead: str) -> None:
    """docs/meaning.md: the first of the preference list that serves."""
    failed = server({ORIGIN: ZONE}, CONFIG, places=NEW, verdicts={f"{dead}-1": DOWN})
    for source in ("203.0.113.7", "198.51.100.1", "192.0.2.1"):
        before = str(example.ask("chat." + ORIGIN, source=source).answer[0][0])
        after = str(failed.ask("chat." + ORIGIN, source=source).answer[0][0])
        assert after != address_of(dead)
        assert (after == before) is (before != address_of(dead))
