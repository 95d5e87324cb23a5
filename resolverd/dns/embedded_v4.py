"""The IPv4 address that an IPv6 client embeds (RFC 6052 §2 names such addresses).

Transition formats carry an IPv4 address: v4-compatible (RFC 4291 §2.5.5.1, where databases keep
IPv4), v4-mapped (§2.5.5.2), NAT64's well-known prefix (RFC 6052 §2.1) and the one for use within
a network (RFC 8215), 6to4 (RFC 3056 §2), Teredo (RFC 4380 §4), and the NAT64 prefixes that a
network has of its own (RFC 6052 §2.2). Databases and pins know such a client by its IPv4 address,
so that is how it is looked up; `Extracted.scope` says how many bits of the address that the
resolver sent a scope found there is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from resolverd.dns.limits import EMBEDDED_V4, EmbeddedV4
from resolverd.dns.prefix import Prefix

NAT64_LENGTHS = (32, 40, 48, 56, 64, 96)
"""The lengths that a NAT64 prefix may have (RFC 6052 §2.2)."""

_U = 64  # where the octet u begins, which no IPv4 address uses
_ALL = 0xFFFFFFFF


class Extracted(NamedTuple):
    """The prefix to look up, how many bits its lengths lie below the original's, and octet u.

    `before_u` bits of the IPv4 address stand before the octet u, which is skipped; 128 where there
    is none.
    """

    prefix: Prefix
    offset: int
    before_u: int = 128

    def scope(self, length: int) -> int:
        """What a length, in the family looked up, is in the original's."""
        return length + self.offset + (8 if length > self.before_u else 0)


NETWORKS = tuple(embedded.network for embedded in EMBEDDED_V4)
"""The IPv6 networks whose addresses stand for IPv4 ones everywhere."""


def formats_with(nat64: Iterable[Prefix]) -> tuple[EmbeddedV4, ...]:
    """The formats of RFCs, and before them a network's own NAT64 prefixes, the longest first.

    A format that a prefix of its own takes the place of is left out: 64:ff9b:1::/48 may be given
    another length than /96 so.
    """
    own = [_nat64(prefix) for prefix in sorted(set(nat64), key=lambda p: (-p.length, p.address))]
    others = (f for f in EMBEDDED_V4 if not any(o.network.contains(f.network) for o in own))
    return (*own, *others)


def extract_v4(prefix: Prefix, formats: Iterable[EmbeddedV4] = EMBEDDED_V4) -> Extracted:
    """The IPv4 prefix that `prefix` stands for, or `prefix` itself with offset 0.

    A prefix too short to fix one bit of the embedded address stays itself; one longer than
    the embedded address (a host inside 2002:V4::/48) gives the full IPv4 address.
    """
    if prefix.bits == 32:
        return Extracted(prefix, 0)
    for embedded in formats:
        fixed = _fixed(prefix.length, embedded)
        if fixed and embedded.network.contains(prefix):
            host = Prefix(32, _address(prefix.address, embedded), 32)
            return Extracted(host.widened(fixed), embedded.offset, embedded.before_u)
    return Extracted(prefix, 0)


def _fixed(length: int, embedded: EmbeddedV4) -> int:
    """How many bits of the embedded address a prefix of this length fixes."""
    bits = length - embedded.offset
    if bits > embedded.before_u:
        bits = max(embedded.before_u, bits - 8)
    return min(32, max(0, bits))


def _address(address: int, embedded: EmbeddedV4) -> int:
    shift = 96 - embedded.offset
    found = address >> shift & _ALL
    if embedded.before_u < 32:
        behind = _ALL >> embedded.before_u
        found = found & ~behind | address >> (shift - 8) & behind
    return found ^ _ALL if embedded.inverted else found


def _nat64(prefix: Prefix) -> EmbeddedV4:
    """How a NAT64 prefix embeds addresses (RFC 6052 §2.2)."""
    return EmbeddedV4(
        prefix, prefix.length, False, _U - prefix.length if prefix.length < 96 else 128
    )
