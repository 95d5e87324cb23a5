"""Round-trip times of real clients by their network, in bounded memory; pure.

    connection ─► client ─► network
                  an IPv4 address, or an IPv6 /56     /24, or /48

A client's time is the least of all its connections over the window. A network's is the lower
quartile of its clients': with five or more never the best one's, who may be a proxy next door, and
little moved by slow access lines. An IPv6 /56 is what one household or one site is given
(RIPE-690), so its addresses count as one client, however many it has.

At most `capacity` clients are known. The one that has not been seen for longest goes first: a
network that is still there comes back with its next connection, and one that is not tells nothing
of now. Clients not seen for a whole window go by themselves.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

from resolverd.dns.embedded_v4 import extract_v4
from resolverd.dns.prefix import Prefix

_MAPPED = bytes(10) + b"\xff\xff"
# Octets of an IPv6 address that make a client, and of either family's that make a network.
_CLIENT_V6, _NETWORK_V4, _NETWORK_V6 = 7, 3, 6


class NetworkTime(NamedTuple):
    """What is known of one network: `ms` of `clients` clients, the last seen `age` seconds ago."""

    network: Prefix
    ms: float
    clients: int
    age: float


class _Client:
    """The least time of this half of a window and of the one before; times are monotonic."""

    __slots__ = ("before", "half", "ms", "network", "seen")

    def __init__(self, network: bytes, ms: float, half: int, seen: float) -> None:
        self.network, self.ms, self.before = network, ms, ms
        self.half, self.seen = half, seen

    def add(self, ms: float, half: int, seen: float) -> None:
        if half != self.half:
            self.before = self.ms if half == self.half + 1 else ms
            self.half, self.ms = half, ms
        elif ms < self.ms:
            self.ms = ms
        self.seen = seen

    def least(self) -> float:
        return min(self.ms, self.before)


class Networks:
    """The times of clients over the last `window` seconds (at least half of it).

    `measured(network)` says of which networks clients are taken; by default of public ones.
    """

    def __init__(
        self, capacity: int, window: float, measured: Callable[[Prefix], bool] | None = None
    ) -> None:
        self._capacity, self._half = capacity, window / 2
        self._window = window
        self._measured = lru_cache(maxsize=65_536)(measured or is_public)
        self._clients: OrderedDict[bytes, _Client] = OrderedDict()
        # At most 256 clients each, so a list is smaller than a set and as fast.
        self._networks: dict[bytes, list[bytes]] = {}

    def __len__(self) -> int:
        """How many clients are known."""
        return len(self._clients)

    def add(self, address: bytes, ms: float, now: float) -> None:
        """A client's connection has such a time at `now`; `address` is of 4 or 16 octets."""
        key = _key(address)
        known, half = self._clients.get(key), int(now // self._half)
        if known is not None:
            known.add(ms, half, now)
            self._clients.move_to_end(key)
            return
        if (folded := _folded(address)) is not None:
            self.add(folded, ms, now)
            return
        network = key[:_NETWORK_V4] if len(key) == 4 else key[:_NETWORK_V6]
        if not self._measured(_prefix(network)):
            return
        self._clients[key] = _Client(network, ms, half, now)
        self._networks.setdefault(network, []).append(key)
        if len(self._clients) > self._capacity:
            self._forget_oldest()

    def expire(self, now: float) -> None:
        """Forget those who have not been seen for a window."""
        while self._clients:
            oldest = next(iter(self._clients.values()))
            if now - oldest.seen < self._window:
                return
            self._forget_oldest()

    def times(self, minimum: int, now: float) -> Iterator[NetworkTime]:
        """Each network of at least `minimum` clients, in the order of addresses."""
        for network in sorted(self._networks, key=lambda octets: (len(octets), octets)):
            keys = self._networks[network]
            if len(keys) < minimum:
                continue
            clients = [self._clients[key] for key in keys]
            times = sorted(client.least() for client in clients)
            seen = max(client.seen for client in clients)
            quartile = times[(len(times) - 1) // 4]
            yield NetworkTime(_prefix(network), quartile, len(times), max(0.0, now - seen))

    def _forget_oldest(self) -> None:
        key, client = self._clients.popitem(last=False)
        keys = self._networks[client.network]
        keys.remove(key)
        if not keys:
            del self._networks[client.network]


def is_public(network: Prefix) -> bool:
    """Whether it is of the public Internet: no loopback, no private or documentation network."""
    return network.host().is_global


def _key(address: bytes) -> bytes:
    """The client that an address belongs to: four octets, or the first seven of sixteen."""
    if len(address) == 4:
        return address
    return address[12:] if address[:12] == _MAPPED else address[:_CLIENT_V6]


def _folded(address: bytes) -> bytes | None:
    """The IPv4 address that an IPv6 one stands for; None where it stands for itself."""
    if len(address) == 4:
        return None
    found = extract_v4(Prefix(128, int.from_bytes(address), 128)).prefix
    return found.address.to_bytes(4) if found.bits == 32 else None


def _prefix(network: bytes) -> Prefix:
    if len(network) == _NETWORK_V4:
        return Prefix(32, int.from_bytes(network) << 8, 24)
    return Prefix(128, int.from_bytes(network) << 80, 48)
