"""The orders that a lazy map gave, by network: what the next one begins with.

Bounded, so clients who have not asked for long have no order until now, as at a start. What was
given before and what is given now are kept apart, so that a map answers alike all its life.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from itertools import islice

from resolverd.dns.prefix import Prefix
from resolverd.policy.ranking import PreferenceList

MAX_GIVEN = 65_536
"""How many networks' orders are kept."""


class GivenOrders:
    """Orders by network; those of `earlier`, of which no two overlap, are what was given before."""

    def __init__(self, earlier: GivenOrders | None = None) -> None:
        """Begin with what `earlier` gave, and had been given before; the newest of it."""
        known = earlier.all() if earlier else {}
        self._before = dict(islice(known.items(), max(0, len(known) - MAX_GIVEN), None))
        self._starts = {bits: sorted(_starts(self._before, bits)) for bits in (32, 128)}
        self._given: dict[Prefix, PreferenceList] = {}

    def all(self) -> dict[Prefix, PreferenceList]:
        """What was given, the newest last; of networks that overlap the newest."""
        given = dict(self._given)
        networks = Networks(given)
        kept = {
            network: order
            for network, order in self._before.items()
            if not networks.overlap(network)
        }
        return kept | given

    def note(self, network: Prefix, order: PreferenceList) -> None:
        """Keep the order that a network has been given."""
        given = self._given
        if network not in given and len(given) >= MAX_GIVEN:
            del given[next(iter(given))]
        given[network] = order

    def around(self, host: Prefix) -> tuple[PreferenceList, int]:
        """The order that an address had before, empty for none, and the bits that share it."""
        starts = self._starts[host.bits]
        at = bisect_right(starts, (host.address, host.bits))
        boundary = 0
        for address, length in starts[max(0, at - 1) : at + 1]:
            network = Prefix(host.bits, address, length)
            if network.contains(host):
                return self._before[network], length
            boundary = max(boundary, _common(network, host) + 1)
        return (), boundary


class Networks:
    """Networks of which no two overlap, asked whether another overlaps them."""

    def __init__(self, networks: Iterable[Prefix]) -> None:
        """Of both families."""
        listed = list(networks)
        self._starts = {bits: sorted(_starts(listed, bits)) for bits in (32, 128)}

    def overlap(self, network: Prefix) -> bool:
        """Whether one of them and `network` have addresses in common."""
        starts = self._starts[network.bits]
        at = bisect_right(starts, (network.address, network.bits))
        near = (Prefix(network.bits, *start) for start in starts[max(0, at - 1) : at + 1])
        return any(one.contains(network) or network.contains(one) for one in near)


def _starts(networks: Iterable[Prefix], bits: int) -> list[tuple[int, int]]:
    return [(network.address, network.length) for network in networks if network.bits == bits]


def _common(network: Prefix, host: Prefix) -> int:
    """How many leading bits a network shares with an address that is not in it."""
    return host.bits - (network.address ^ host.address).bit_length()
