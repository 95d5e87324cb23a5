"""Fold an IPv6 client that stands for an IPv4 one into that IPv4 address.

Five transition formats carry an IPv4 address: v4-compatible (RFC 4291 §2.5.5.1, where
databases keep IPv4), v4-mapped (§2.5.5.2), NAT64's well-known prefix (RFC 6052 §2.1), 6to4
(RFC 3056 §2) and Teredo (RFC 4380 §4). Databases and pins know such a client by its IPv4
address, so that is how it is looked up; a scope of
N bits found there is N + `offset` bits of the address the resolver sent.
"""

from __future__ import annotations

from typing import NamedTuple

from resolverd.dns.prefix import Prefix, parse_prefix


class Folded(NamedTuple):
    """The prefix to look up, and how many bits its lengths lie below the original's."""

    prefix: Prefix
    offset: int


class _Carrier(NamedTuple):
    network: Prefix
    offset: int  # bits before the embedded IPv4 address
    inverted: bool


_CARRIERS = (
    _Carrier(parse_prefix("::/96"), 96, inverted=False),
    _Carrier(parse_prefix("::ffff:0:0/96"), 96, inverted=False),
    _Carrier(parse_prefix("64:ff9b::/96"), 96, inverted=False),
    _Carrier(parse_prefix("2002::/16"), 16, inverted=False),
    _Carrier(parse_prefix("2001::/32"), 96, inverted=True),
)


CARRIERS = tuple(carrier.network for carrier in _CARRIERS)
"""The IPv6 networks whose addresses stand for IPv4 ones."""


def fold(prefix: Prefix) -> Folded:
    """The IPv4 prefix that `prefix` stands for, or `prefix` itself with offset 0.

    A prefix too short to fix one bit of the embedded address is not folded; one longer than
    the embedded address (a host inside 2002:V4::/48) folds to the full IPv4 address.
    """
    if prefix.bits == 32:
        return Folded(prefix, 0)
    for network, offset, inverted in _CARRIERS:
        if prefix.length > offset and network.contains(prefix):
            address = (prefix.address >> (96 - offset)) & 0xFFFFFFFF
            host = Prefix(32, address ^ 0xFFFFFFFF if inverted else address, 32)
            return Folded(host.widened(min(32, prefix.length - offset)), offset)
    return Folded(prefix, 0)
