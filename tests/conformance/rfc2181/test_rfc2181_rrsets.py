"""RFC 2181 §5 (RRsets), §9 (the TC bit)."""

from __future__ import annotations

from itertools import pairwise

import dns.flags
import dns.rcode
import pytest
from harness.config import config_text
from harness.messages import query, read, rows
from harness.server import HEAD, Server, server

from resolverd.zone import checks


def test_an_rrset_has_one_ttl_the_lowest_that_was_written() -> None:
    """§5.2: differing TTLs are an error of the zone; treat them as the lowest."""
    zone = HEAD + "www 600 A 192.0.2.1\nwww 60 A 192.0.2.2\nwww 6000 A 192.0.2.3\n"
    response = server({"example.": zone}).ask("www.example.")
    assert {rrset.ttl for rrset in response.answer} == {60}
    assert len(rows(response.answer)) == 3


def test_a_record_written_twice_is_sent_once() -> None:
    """§5: duplicates are suppressed, whatever the case of names in their RDATA."""
    zone = HEAD + "www A 192.0.2.1\nwww A 192.0.2.1\nm MX 1 www\nm MX 1 WWW\n"
    example = server({"example.": zone})
    assert len(rows(example.ask("www.example.").answer)) == 1
    assert len(rows(example.ask("m.example.", "MX").answer)) == 1


def test_a_ttl_has_31_bits() -> None:
    """§8: 0 to 2147483647."""
    example = server({"example.": HEAD + "top 2147483647 A 192.0.2.1\nzero 0 A 192.0.2.1\n"})
    assert example.ask("top.example.").answer[0].ttl == 2147483647
    assert example.ask("zero.example.").answer[0].ttl == 0


COUNTS = (1, 5, 25, 30, 31, 32, 60, 75, 76, 100, 150, 200, 250, 260)
GROWING = "".join(
    f"n{count} A 192.0.{n // 256}.{n % 256}\n" for count in COUNTS for n in range(count)
)
CONFIG = config_text(server="udp_payload = 4096")


@pytest.fixture(scope="module")
def growing() -> Server:
    """RRsets of many sizes, from a server whose own ceiling is 4096."""
    return server({"example.": HEAD + GROWING}, CONFIG)


@pytest.mark.parametrize("count", COUNTS)
def test_tc_is_set_exactly_when_records_were_left_out(growing: Server, count: int) -> None:
    """§9 and RFC 6891 §6.2.3, at every size from 512 to 4096: never over, TC iff incomplete."""
    qname = f"n{count}.example."
    whole = growing.send(query(qname, edns=0), tcp=True)
    assert len(rows(read(query(qname, edns=0), whole).answer)) == count
    seen = {}
    for size in range(512, 4097):
        packet = query(qname, edns=0, payload=size)
        wire = growing.send(packet)
        assert len(wire) <= size
        truncated = bool(wire[2] & 0x02)
        assert truncated == (len(whole) > size)
        seen[truncated] = (packet, wire)
    for truncated, (packet, wire) in seen.items():
        response = read(packet, wire)
        assert response.rcode() == dns.rcode.NOERROR
        assert response.opt is not None
        assert len(rows(response.answer)) == (0 if truncated else count)


@pytest.mark.parametrize("count", COUNTS)
def test_without_edns_the_limit_is_512(growing: Server, count: int) -> None:
    """RFC 1035 §4.2.1: messages carried by UDP are restricted to 512 octets."""
    packet = query(f"n{count}.example.")
    wire = growing.send(packet)
    assert len(wire) <= 512
    response = read(packet, wire)
    complete = len(growing.send(packet, tcp=True)) <= 512
    assert bool(response.flags & dns.flags.TC) is not complete
    assert len(rows(response.answer)) == (count if complete else 0)


def test_tcp_never_truncates_what_a_message_can_hold(growing: Server) -> None:
    """§9: after TC, the query is tried again over TCP and gives everything."""
    response = growing.ask("n260.example.", tcp=True)
    assert not response.flags & dns.flags.TC
    assert len(rows(response.answer)) == 260


def test_what_no_message_can_hold_is_truncated_even_over_tcp(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A message has at most 65535 octets (RFC 1035 §4.2.2).

    The RRset itself has room; with the aliases before it, it has not. `check` refuses that, and is
    passed by here.
    """
    monkeypatch.setattr(checks, "check_sizes", lambda tree: iter(()))
    huge = "".join(f"huge TXT {n:05d}{'x' * 245}\n" for n in range(247))
    links = [*(".".join([letter * 60] * 3) for letter in "abcd"), "huge"]
    chain = "".join(f"{one} CNAME {other}\n" for one, other in pairwise(links))
    example = server({"example.": HEAD + huge + chain})
    response = example.ask(f"{links[0]}.example.", "TXT", tcp=True)
    assert response.flags & dns.flags.TC
    assert not response.answer
    assert not example.ask("huge.example.", "TXT", tcp=True).flags & dns.flags.TC


def test_an_authority_section_that_does_not_fit_sets_tc() -> None:
    """§9: the SOA of a negative answer is required data."""
    name = ".".join(["y" * 60] * 3)
    zone = f"$TTL 3600\n@ SOA {name}.ns {name}.host 7 3600 900 604800 300\n@ NS ns.test.\n"
    example = server({"example.": zone})
    packet = query("nothing.example.")
    response = read(packet, example.send(packet), limit=512)
    assert response.rcode() == dns.rcode.NXDOMAIN
    assert not response.flags & dns.flags.TC
    longer = query(".".join(["z" * 63] * 3) + ".example.")
    response = read(longer, example.send(longer), limit=512)
    assert response.flags & dns.flags.TC
    assert not read(longer, example.send(longer, tcp=True)).flags & dns.flags.TC
