"""IPv6 clients that embed an IPv4 address, against the standard library's reading."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from resolverd.dns.embedded_v4 import Extracted, extract_v4
from resolverd.dns.prefix import Prefix, host_prefix, parse_prefix

v4 = st.integers(0, 2**32 - 1)
MAPPED, NAT64 = 0xFFFF << 32, 0x64FF9B << 96
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
        ("64:ff9b:1::c000:200/120", "64:ff9b:1::c000:200/120", 0),
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
    assume(address >> 32 != NAT64 >> 32)
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
