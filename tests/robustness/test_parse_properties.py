"""`parse`: raises its two verdicts only, and gives back what a well-formed query says."""

from __future__ import annotations

import contextlib
import ipaddress
import random

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from hypothesis import example, given
from hypothesis import strategies as st
from robustness.packet_maker import good_queries

from resolverd.dns.prefix import Prefix
from resolverd.dns.query import Dropped, Malformed, parse

GOOD = good_queries(random.Random(1), 50)

labels = st.binary(min_size=1, max_size=63)


@st.composite
def names(draw: st.DrawFn) -> dns.name.Name:
    """Any name of at most 255 octets, of any octets."""
    chosen: list[bytes] = []
    for label in draw(st.lists(labels, max_size=12)):
        if sum(len(each) + 1 for each in (*chosen, label)) + 1 <= 255:
            chosen.append(label)
    return dns.name.Name([*chosen, b""])


@st.composite
def subnets(draw: st.DrawFn) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """Any network of either family with at least one bit."""
    if draw(st.booleans()):
        four = ipaddress.IPv4Address(draw(st.integers(0, 2**32 - 1)))
        return ipaddress.IPv4Network((four, draw(st.integers(1, 32))), strict=False)
    six = ipaddress.IPv6Address(draw(st.integers(0, 2**128 - 1)))
    return ipaddress.IPv6Network((six, draw(st.integers(1, 128))), strict=False)


@given(st.binary(max_size=600))
def test_any_octets_raise_nothing_else(packet: bytes) -> None:
    """Noise."""
    with contextlib.suppress(Dropped, Malformed):
        parse(packet)


@given(
    st.sampled_from(GOOD),
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), max_size=4),
    st.integers(0, 300),
)
@example(GOOD[0], [], 0)
def test_spoilt_queries_raise_nothing_else(
    packet: bytes, octets: list[tuple[int, int]], length: int
) -> None:
    """A good query with octets changed and its end cut, which noise seldom comes near."""
    spoilt = bytearray(packet)
    for at, octet in octets:
        spoilt[at % len(spoilt)] = octet
    with contextlib.suppress(Dropped, Malformed):
        parse(bytes(spoilt[: max(length, 12)]))


@given(
    qid=st.integers(0, 65535),
    name=names(),
    qtype=st.integers(0, 65535).filter(lambda number: number != 41),
    qclass=st.integers(0, 65535),
    flags=st.sampled_from((0, 0x0100, 0x0010, 0x0110)),
    edns=st.booleans(),
    version=st.integers(0, 255),
    payload=st.integers(0, 65535),
    dnssec_ok=st.booleans(),
    subnet=st.none() | subnets(),
    nsid=st.booleans(),
    other=st.none() | st.tuples(st.integers(20, 65535), st.binary(max_size=40)),
)
def test_a_query_reads_back_as_it_was_made(
    qid: int,
    name: dns.name.Name,
    qtype: int,
    qclass: int,
    flags: int,
    edns: bool,
    version: int,
    payload: int,
    dnssec_ok: bool,
    subnet: ipaddress.IPv4Network | ipaddress.IPv6Network | None,
    nsid: bool,
    other: tuple[int, bytes] | None,
) -> None:
    """dnspython writes it, `parse` reads it."""
    message = dns.message.QueryMessage(id=qid)
    message.flags = dns.flags.Flag(flags)
    rdclass, rdtype = dns.rdataclass.RdataClass.make(qclass), dns.rdatatype.RdataType.make(qtype)
    message.question.append(dns.rrset.RRset(name, rdclass, rdtype))
    if edns:
        options: list[dns.edns.Option] = []
        if other is not None:
            kind = dns.edns.OptionType.make(other[0])
            options.append(dns.edns.GenericOption(kind, other[1]))
        if subnet is not None:
            options.append(dns.edns.ECSOption(str(subnet.network_address), subnet.prefixlen))
        if nsid:
            options.append(dns.edns.GenericOption(dns.edns.OptionType.NSID, b""))
        message.use_edns(version, dns.flags.DO if dnssec_ok else 0, payload, options=options)
    query = parse(message.to_wire())
    wire = name.to_wire()
    assert (query.id, query.flags, query.opcode) == (qid, flags, 0)
    assert (query.name, query.key) == (wire, name.canonicalize().to_wire())
    assert (query.qtype, query.qclass) == (qtype, qclass)
    assert query.question == (wire or b"") + qtype.to_bytes(2, "big") + qclass.to_bytes(2, "big")
    if not edns:
        assert query.edns is None
        return
    assert query.edns is not None
    assert (query.edns.payload, query.edns.version) == (payload, version)
    assert query.edns.dnssec_ok is dnssec_ok
    if version:  # what options mean in another version, nobody knows
        assert (query.edns.wants_nsid, query.edns.subnet) == (False, None)
        return
    assert query.edns.wants_nsid is nsid
    if subnet is None:
        assert query.edns.subnet is None
        return
    assert query.edns.subnet is not None
    bits = subnet.max_prefixlen
    prefix = Prefix(32 if bits == 32 else 128, int(subnet.network_address), subnet.prefixlen)
    assert query.edns.subnet.prefix == prefix
