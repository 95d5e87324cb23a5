"""IPv6 clients that embed an IPv4 address, against the standard library's reading."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from resolverd.dns.embedded_v4 import NAT64_LENGTHS, Extracted, extract_v4, formats_with
from resolverd.dns.prefix import Prefix, host_prefix, parse_prefix
from resolverd.geo.embedded_networks import EmbeddedNetworks

v4 = st.integers(0, 2**32 - 1)
MAPPED, NAT64, LOCAL_NAT64 = 0xFFFF << 32, 0x64FF9B << 96, 0x64FF9B0001 << 80
SIX_TO_FOUR, TEREDO = 0x2002 << 112, 0x20010000 << 96


@pytest.mark.parametrize(
    ("written", "extracted", "offset"),
    [
        ("192.0.2.0/24", "192.0.2.0/24", 0),
        ("2001:db8::/32", "2001:db8::/32", 0),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24", 96),
        ("::ffff:192.0.2.1", "192.0.2.1", 96),
        ("::ffff:0:0/96", "::ffff:0:0/96", 0),
        ("64:ff9b::c000:200/120", "192.0.2.0/24", 96),
        ("64:ff9b:1::c000:200/120", "192.0.2.0/24", 96),
        ("64:ff9b:1:2:3:4:c000:200/120", "192.0.2.0/24", 96),
        ("64:ff9b:1:2::/64", "64:ff9b:1:2::/64", 0),
        ("64:ff9b:2::c000:200/120", "64:ff9b:2::c000:200/120", 0),
        ("2002:c000:0200::/40", "192.0.2.0/24", 16),
        ("2002:c000:0201:5::1", "192.0.2.1", 16),
        ("2002::/16", "2002::/16", 0),
        ("2002:8000::/17", "128.0.0.0/1", 16),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "192.0.2.45", 96),
        ("2001::3fff:fd00/120", "192.0.2.0/24", 96),
        ("2001:0:4136:e378::/64", "2001:0:4136:e378::/64", 0),
        ("2001:1::1", "2001:1::1", 0),
        ("::192.0.2.0/120", "192.0.2.0/24", 96),
        ("::/96", "::/96", 0),
        ("::/0", "::/0", 0),
    ],
)
def test_each_format_gives_its_ipv4_address(written: str, extracted: str, offset: int) -> None:
    assert extract_v4(parse_prefix(written)) == Extracted(parse_prefix(extracted), offset)


@given(v4)
def test_compatible_is_its_last_32_bits(address: int) -> None:
    """Databases keep IPv4 there, so such a client must not meet their IPv6 networks."""
    assert extract_v4(Prefix(128, address, 128)) == Extracted(Prefix(32, address, 32), 96)


@given(v4)
def test_mapped_agrees_with_the_standard_library(address: int) -> None:
    host = ipaddress.IPv6Address(MAPPED | address)
    assert host.ipv4_mapped is not None
    assert extract_v4(host_prefix(str(host))).prefix == host_prefix(str(host.ipv4_mapped))


@given(v4, st.integers(0, 2**80 - 1))
def test_6to4_agrees_with_the_standard_library(address: int, rest: int) -> None:
    host = ipaddress.IPv6Address(SIX_TO_FOUR | address << 80 | rest)
    assert host.sixtofour is not None
    assert extract_v4(host_prefix(str(host))).prefix == host_prefix(str(host.sixtofour))


@given(st.integers(0, 2**96 - 1))
def test_teredo_agrees_with_the_standard_library(rest: int) -> None:
    host = ipaddress.IPv6Address(TEREDO | rest)
    assert host.teredo is not None
    assert extract_v4(host_prefix(str(host))).prefix == host_prefix(str(host.teredo[1]))


@given(st.integers(2**32, 2**128 - 1))
def test_other_addresses_stay_themselves(address: int) -> None:
    host = ipaddress.IPv6Address(address)
    assume(host.ipv4_mapped is None and host.sixtofour is None and host.teredo is None)
    assume(address >> 32 != NAT64 >> 32 and address >> 80 != LOCAL_NAT64 >> 80)
    assert extract_v4(Prefix(128, address, 128)) == Extracted(Prefix(128, address, 128), 0)


@given(
    st.sampled_from([(0, 96), (MAPPED, 96), (NAT64, 96), (SIX_TO_FOUR, 16), (TEREDO, 96)]),
    st.integers(0, 2**128 - 1),
    st.integers(0, 128),
    st.integers(0, 2**128 - 1),
)
def test_every_address_of_an_extracted_scope_is_extracted_to_it(
    network: tuple[int, int], low: int, length: int, other: int
) -> None:
    """A scope of N bits on the extracted prefix covers the same clients as N + offset bits."""
    base, offset = network
    fixed = 32 if base == TEREDO else offset
    prefix = Prefix(128, base | low & (2 ** (128 - fixed) - 1), 128).widened(length)
    extracted = extract_v4(prefix)
    if extracted.offset == 0:
        assert extracted.prefix == prefix
        return
    assert 0 < extracted.prefix.length <= 32
    scope = extracted.prefix.length + extracted.offset
    inside = prefix.widened(min(prefix.length, scope))
    neighbour = inside.address | other & (2 ** (128 - inside.length) - 1)
    assert extracted.prefix.contains(extract_v4(Prefix(128, neighbour, 128)).prefix)


@st.composite
def nat64_prefixes(draw: st.DrawFn, anchors: tuple[int, ...] = (0x2001_0DB8 << 96,)) -> Prefix:
    """A NAT64 prefix of any length, below an anchor."""
    length = draw(st.sampled_from(NAT64_LENGTHS))
    low = draw(st.integers(0, 2**96 - 1)) & ~(0xFF << 56)
    return Prefix(128, draw(st.sampled_from(anchors)) | low, 128).widened(length)


def bit_positions(length: int) -> list[int]:
    """Where the 32 bits of an IPv4 address stand behind a prefix of this length (RFC 6052 §2.2)."""
    return [position for position in range(length, 128) if not 64 <= position < 72][:32]


def embedded(network: Prefix, address: int, rest: int) -> int:
    """An IPv6 address that embeds an IPv4 one, written bit by bit; all other bits are `rest`'s."""
    bits = list(f"{network.address | rest & (2 ** (128 - network.length) - 1):0128b}")
    for position, bit in zip(bit_positions(network.length), f"{address:032b}", strict=True):
        bits[position] = bit
    return int("".join(bits), 2)


@given(nat64_prefixes(), v4, st.integers(0, 2**128 - 1), st.integers(0, 128))
def test_an_own_nat64_prefix_embeds_as_rfc_6052_says(
    network: Prefix, address: int, rest: int, length: int
) -> None:
    formats = formats_with([network])
    host = Prefix(128, embedded(network, address, rest), 128)
    assert extract_v4(host, formats).prefix == Prefix(32, address, 32)
    positions = bit_positions(network.length)
    fixed = sum(position < length for position in positions)
    asked = host.widened(length)
    extracted = extract_v4(asked, formats)
    if not fixed:
        assert extracted == Extracted(asked, 0)
        return
    assert extracted.prefix == Prefix(32, address, 32).widened(fixed)
    for bits in range(1, 33):
        assert extracted.scope(bits) == positions[bits - 1] + 1


@pytest.mark.parametrize(
    ("prefix", "address"),
    [
        ("2001:db8::/32", "2001:db8:c000:221::"),
        ("2001:db8:100::/40", "2001:db8:1c0:2:21::"),
        ("2001:db8:122::/48", "2001:db8:122:c000:2:2100::"),
        ("2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"),
        ("2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"),
        ("2001:db8:122:344::/96", "2001:db8:122:344::c000:221"),
    ],
)
def test_the_examples_of_rfc_6052_are_read(prefix: str, address: str) -> None:
    formats = formats_with([parse_prefix(prefix)])
    assert extract_v4(host_prefix(address), formats).prefix == host_prefix("192.0.2.33")


@given(
    st.lists(
        nat64_prefixes((LOCAL_NAT64, LOCAL_NAT64 | 1 << 64, 0x2001_0DB8 << 96)), max_size=4
    ).filter(
        lambda networks: not any(a != b and a.contains(b) for a in networks for b in networks)
    ),
    st.integers(0, 2**128 - 1),
    st.integers(0, 128),
    st.integers(0, 2**128 - 1),
    st.data(),
)
def test_every_address_of_a_scope_is_looked_up_within_it(
    nat64: list[Prefix], low: int, length: int, other: int, data: st.DataObject
) -> None:
    """With own prefixes inside 64:ff9b:1::/48 too, whose other parts are by /96s."""
    assume(all(network.length >= 48 or network.address >> 96 != NAT64 >> 96 for network in nat64))
    networks = EmbeddedNetworks(tuple(nat64))
    anchor = data.draw(st.sampled_from([*nat64, Prefix(128, LOCAL_NAT64, 48)]))
    host = Prefix(128, anchor.address | low & (2 ** (128 - anchor.length) - 1), 128)
    asked = host.widened(length)
    extracted = networks.extract(asked)
    boundary = networks.boundary(extracted.prefix)
    if extracted.offset:
        assert boundary is None
        bits = data.draw(st.integers(0, extracted.prefix.length))
        scope = asked.widened(min(asked.length, extracted.scope(bits)))
        inside = Prefix(128, scope.address | other & (2 ** (128 - scope.length) - 1), 128)
        assert extracted.prefix.widened(bits).contains(networks.extract(inside).prefix)
        return
    embedding = [f.network for f in networks.formats if f.network.contains(host)]
    within = [f.network for f in networks.formats if asked.contains(f.network)]
    assert (boundary is not None) == bool(embedding or within)
    if boundary is not None:
        first = Prefix(128, asked.address, 128)
        beside = first.widened(boundary)
        inside = Prefix(128, beside.address | other & (2 ** (128 - boundary) - 1), 128)
        assert networks.extract(inside).offset == networks.extract(first).offset
