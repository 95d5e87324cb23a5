"""dig, kdig and dnspython against the daemon as a process."""

from __future__ import annotations

import re

import dns.asyncquery
import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest
from harness.config import address_of, ipv6_of
from harness.daemon import Asked
from harness.programs import output

pytestmark = pytest.mark.asyncio(loop_scope="package")

_COMPLAINTS = re.compile(r"warn|malformed|bad packet|mismatch|extra|unexpected|error: ", re.I)


async def ask(name: str, asked: Asked, *arguments: str) -> str:
    """What dig or kdig prints; neither may complain of the message."""
    text = await output(
        name, f"@{asked.address}", "-p", str(asked.port), "+norec", "+retry=0", *arguments
    )
    assert not _COMPLAINTS.search(text), text
    return text


@pytest.mark.parametrize("name", ["dig", "kdig"])
@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        ("www.inference.example A", "192.0.2.80"),
        ("alias.inference.example A", "www.inference.example.\n192.0.2.80"),
        ("inference.example NS", "ns1.inference.example."),
        ("chat.inference.example A +subnet=10.1.2.0/24", address_of("us-east")),
        ("chat.inference.example A +subnet=10.2.2.0/24", address_of("us-west")),
        ("chat.inference.example A +subnet=10.3.2.0/24", address_of("ap-northeast")),
        ("chat.inference.example AAAA +subnet=10.4.2.0/24", ipv6_of("eu-west")),
        ("chat.inference.example AAAA +subnet=10.2.2.0/24", ""),
        ("no.inference.example A", ""),
        ("www.inference.example A +noedns", "192.0.2.80"),
        ("www.inference.example A +dnssec", "192.0.2.80"),
    ],
)
async def test_short_answers(
    asked: Asked, name: str, transport: str, arguments: str, answer: str
) -> None:
    """Both programs read the same from both transports."""
    text = await ask(name, asked, "+short", transport, *arguments.split())
    assert text.strip() == answer


@pytest.mark.parametrize("name", ["dig", "kdig"])
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("www.inference.example A", r"status: NOERROR.*[fF]lags: qr aa\b"),
        ("no.inference.example A", r"status: NXDOMAIN.*SOA\s+ns1\.inference\.example\."),
        ("x.sub.inference.example A", r"status: NOERROR.*ns\.sub\.inference\.example\.\s+3600"),
        ("elsewhere.test A +edns=0", r"status: REFUSED.*(EDE: 20|Not Authoritative)"),
        ("www.inference.example A +nsid", r"NSID.*test-1"),
        ("chat.inference.example A +subnet=10.5.2.0/24", r"SUBNET: 10\.5\.2\.0/24/20"),
        ("chat.inference.example ANY +notcp", r"HINFO\s+\"RFC8482\" \"\""),
    ],
)
async def test_whole_answers(asked: Asked, name: str, arguments: str, expected: str) -> None:
    """Status, flags and options as the programs print them."""
    text = await ask(name, asked, *arguments.split())
    assert re.search(expected, text, re.DOTALL), text


async def test_an_unknown_edns_version_is_refused_and_asked_again(asked: Asked) -> None:
    """dig tries version 1, is told BADVERS, and falls back to 0."""
    refused = await ask("dig", asked, "www.inference.example", "+edns=1", "+noednsnegotiation")
    assert "status: BADVERS" in refused
    again = await output(
        "dig",
        *(f"@{asked.address}", "-p", str(asked.port), "+norec", "+edns=1", "+short"),
        "www.inference.example",
    )
    assert again.splitlines()[-1] == "192.0.2.80"


@pytest.mark.parametrize("name", ["dig", "kdig"])
async def test_truncation_is_followed_by_tcp(asked: Asked, name: str) -> None:
    """20 records of 200 octets do not fit; over TCP all of them come."""
    text = await output(
        name,
        *(f"@{asked.address}", "-p", str(asked.port), "+norec", "big.inference.example", "TXT"),
    )
    assert text.count("x" * 200) == 20
    assert "TCP" in text


async def test_kdig_asks_many_times_over_one_connection(asked: Asked) -> None:
    """`+keepopen`: RFC 7766 §6.2.1 with somebody else's client."""
    names = [f"{label}.inference.example" for label in ("www", "alias", "www", "ns1")]
    text = await ask("kdig", asked, "+tcp", "+keepopen", "+short", *names)
    assert text.count("192.0.2.80") == 3
    assert "192.0.2.53" in text


async def test_dig_is_refused_a_zone_transfer(asked: Asked) -> None:
    """AXFR is answered REFUSED, which dig calls a failed transfer."""
    text = await ask("dig", asked, "inference.example", "AXFR")
    assert "Transfer failed" in text


async def test_dnspython_falls_back_to_tcp(asked: Asked) -> None:
    """`udp_with_fallback` sees TC and asks again."""
    query = dns.message.make_query("big.inference.example", "TXT", use_edns=0, payload=4096)
    response, over_tcp = await dns.asyncquery.udp_with_fallback(
        query, asked.address, timeout=10, port=asked.port
    )
    assert over_tcp
    assert len(response.answer[0]) == 20


async def test_dnspython_reads_the_scope(asked: Asked) -> None:
    """The scope of the database's own network, over the wire."""
    query = dns.message.make_query(
        "chat.inference.example", "A", use_edns=0, options=[dns.edns.ECSOption("10.3.2.0", 24)]
    )
    response = await dns.asyncquery.udp(query, asked.address, timeout=10, port=asked.port)
    (subnet,) = response.options
    assert isinstance(subnet, dns.edns.ECSOption)
    assert subnet.scopelen == 16
    assert response.flags & dns.flags.AA
    assert response.rcode() == dns.rcode.NOERROR
