"""What the kernel's answer is compared over is what the engine takes for a query of a /24."""

from __future__ import annotations

from bench.xdp.same import REGIONS, queries
from resolverd.dns.codes import A
from resolverd.dns.query import parse


def test_every_query_asks_for_an_address_on_behalf_of_a_pinned_block() -> None:
    blocks = {f"{block}/24" for _, block in REGIONS.values()}
    clients = set()
    for packet in queries():
        query = parse(packet)
        assert query.qtype == A
        assert query.edns is not None
        assert query.edns.subnet is not None
        clients.add(str(query.edns.subnet.prefix))
    assert clients == blocks


def test_qnames_of_even_and_of_odd_length_are_among_them() -> None:
    lengths = {packet.index(b"\x00", 12) - 11 for packet in queries()}
    assert {length % 2 for length in lengths} == {0, 1}
