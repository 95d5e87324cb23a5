"""The IPv4 address that an IPv6 client embeds (RFC 6052 §2 names such addresses).

Five transition formats carry an IPv4 address: v4-compatible (RFC 4291 §2.5.5.1, where
databases keep IPv4), v4-mapped (§2.5.5.2), NAT64's well-known prefix (RFC 6052 §2.1), 6to4
(RFC 3056 §2) and Teredo (RFC 4380 §4). Databases and pins know such a client by its IPv4
address, so that is how it is looked up; a scope of
N bits found there is N + `offset` bits of the address the resolver sent.
"""

from __future__ import annotations

from typing import NamedTuple

from resolverd.dns.limits import EMBEDDED_V4
from resolverd.dns.prefix import Prefix


class Extracted(NamedTuple):
    """The prefix to look up, and how many bits its lengths lie below the original's."""

    prefix: Prefix
    offset: int


NETWORKS = tuple(embedded.network for embedded in EMBEDDED_V4)
"""The IPv6 networks whose addresses stand for IPv4 ones."""


def extract_v4(prefix: Prefix) -> Extracted:
    """The IPv4 prefix that `prefix` stands for, or `prefix` itself with offset 0.

    A prefix too short to fix one bit of the embedded address stays itself; one longer than
    the embedded address (a host inside 2002:V4::/48) gives the full IPv4 address.
    """
    if prefix.bits == 32:
        return Extracted(prefix, 0)
    for network, offset, inverted in EMBEDDED_V4:
        if prefix.length > offset and network.contains(prefix):
            address = (prefix.address >> (96 - offset)) & 0xFFFFFFFF
            host = Prefix(32, address ^ 0xFFFFFFFF if inverted else address, 32)
            return Extracted(host.widened(min(32, prefix.length - offset)), offset)
    return Extracted(prefix, 0)
