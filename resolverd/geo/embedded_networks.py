"""The IPv6 networks that stand for IPv4 ones, as one configuration has them.

They are those of `resolverd.dns.embedded_v4`, and the NAT64 prefixes that a network has of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from resolverd.dns.embedded_v4 import Extracted, extract_v4, formats_with
from resolverd.dns.limits import EmbeddedV4
from resolverd.dns.prefix import Prefix
from resolverd.geo.prefixmap import PrefixMap


@dataclass(frozen=True)
class EmbeddedNetworks:
    """All formats of one configuration; `nat64` are a network's own prefixes (RFC 6052 §2.2)."""

    nat64: tuple[Prefix, ...] = ()

    @cached_property
    def formats(self) -> tuple[EmbeddedV4, ...]:
        """Each format, in the order in which they are tried."""
        return formats_with(self.nat64)

    @cached_property
    def by_prefix(self) -> PrefixMap[Prefix]:
        """The networks by themselves."""
        return PrefixMap((f.network, f.network) for f in self.formats)

    def extract(self, prefix: Prefix) -> Extracted:
        """The IPv4 prefix that `prefix` stands for; see `extract_v4`."""
        return extract_v4(prefix, self.formats)

    def boundary(self, extracted: Prefix) -> int | None:
        """None unless `extracted` still embeds IPv4 clients.

        Else the bits such that all addresses sharing them with its first one lie in one
        IPv4-embedded prefix, or in none.
        """
        near = self.by_prefix.match(extracted)
        return near.boundary if near.covering or near.inside else None


STANDARD = EmbeddedNetworks()
"""The formats of RFCs alone."""
