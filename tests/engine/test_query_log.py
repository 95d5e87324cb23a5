"""A line of the query log: what it says of a query and of what was sent."""

from __future__ import annotations

import pytest
from harness.config import config_text
from harness.messages import query
from harness.server import HEAD, snapshot_of

from resolverd.engine.answer import respond
from resolverd.engine.counters import Counters
from resolverd.engine.querylog import Sent, described

SNAPSHOT = snapshot_of({"example.": HEAD + "www A 192.0.2.80\n"}, config_text(services=""))
WWW = {"client": "203.0.113.7", "transport": "udp", "qname": "www.example.", "qtype": "A"}


@pytest.mark.parametrize(
    ("packet", "told"),
    [
        (query("www.example."), {"rcode": "NOERROR"}),
        (query("www.example.", ecs="192.0.2.0/24"), {"rcode": "NOERROR", "subnet": "192.0.2.0/24"}),
        (query("www.example.", ecs="0.0.0.0/0"), {"rcode": "NOERROR"}),
        (query("www.example.", ecs="::/0"), {"rcode": "NOERROR"}),
        (query("www.example.", edns=1), {"rcode": "BADVERS"}),
        (query("www.example.", qclass="CH"), {"rcode": "REFUSED", "qclass": "CH"}),
        (query("www.example.", qclass="ANY"), {"rcode": "REFUSED", "qclass": "ANY"}),
        (query("www.example.", qclass="CLASS7"), {"rcode": "REFUSED", "qclass": "CLASS7"}),
        (query("www.example.", qclass="CH", edns=1), {"rcode": "BADVERS", "qclass": "CH"}),
    ],
)
def test_it_says_what_was_asked_and_with_what_it_was_answered(
    packet: bytes, told: dict[str, str]
) -> None:
    response = respond(packet, "203.0.113.7", SNAPSHOT, Counters())
    assert response is not None
    said = described(packet, "203.0.113.7", Sent.of(response), tcp=False)
    assert said == WWW | told | {"octets": len(response)}


def test_of_another_opcode_the_version_is_no_matter() -> None:
    packet = bytearray(query("www.example.", edns=1))
    packet[2] |= 4 << 3
    response = respond(bytes(packet), "203.0.113.7", SNAPSHOT, Counters())
    said = described(bytes(packet), "203.0.113.7", Sent.of(response), tcp=False)
    assert said["rcode"] == "NOTIMP"
    assert "qname" not in said


def test_a_response_that_broke_off_is_no_refusal_of_its_version() -> None:
    packet = query("www.example.", edns=1)
    assert described(packet, "203.0.113.7", Sent(2, 29), tcp=False)["rcode"] == "SERVFAIL"
    assert "rcode" not in described(packet, "203.0.113.7", None, tcp=False)
