"""Address prefixes as plain integers, the currency between ECS, pins, geography and maps.

A `Prefix` is (bits, address, length): 32 or 128 bits of family, the network address as an
integer with its host bits zero, and the prefix length in bits. A host address is the
prefix of full length.
"""

from __future__ import annotations

import ipaddress
from typing import Literal, NamedTuple

Bits = Literal[32, 128]
IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class Prefix(NamedTuple):
    """An IPv4 (bits 32) or IPv6 (bits 128) network; host bits are zero."""

    bits: Bits
    address: int
    length: int

    def __str__(self) -> str:
        return f"{address_text(self.host())}/{self.length}"

    def contains(self, other: Prefix) -> bool:
        """Whether every address of `other` lies inside this prefix."""
        return (
            self.bits == other.bits
            and self.length <= other.length
            and other.address >> (self.bits - self.length)
            == self.address >> (self.bits - self.length)
        )

    def widened(self, length: int) -> Prefix:
        """The enclosing prefix of `length` bits (at most this prefix's own)."""
        shift = self.bits - length
        return Prefix(self.bits, self.address >> shift << shift, length)

    def host(self) -> IPAddress:
        """The network address, or of a full-length prefix its address, as `ipaddress` has it."""
        if self.bits == 32:
            return ipaddress.IPv4Address(self.address)
        return ipaddress.IPv6Address(self.address)


def address_text(address: IPAddress) -> str:
    """An address as RFC 5952 has it; before 3.13 Python writes mapped ones in hexadecimal."""
    mapped = address.ipv4_mapped if address.version == 6 else None
    return str(address) if mapped is None else f"::ffff:{mapped}"


def parse_prefix(text: str) -> Prefix:
    """Read ``192.0.2.0/24``, ``2001:db8::/48`` or a bare address.

    Raises ValueError when it is neither, or when host bits are set.
    """
    network = ipaddress.ip_network(text)
    bits: Bits = 32 if network.version == 4 else 128
    return Prefix(bits, int(network.network_address), network.prefixlen)


def host_prefix(address: str) -> Prefix:
    """The full-length prefix of one address. Raises ValueError when it is not an address."""
    parsed = ipaddress.ip_address(address)
    bits: Bits = 32 if parsed.version == 4 else 128
    return Prefix(bits, int(parsed), bits)
