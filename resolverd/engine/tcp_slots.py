"""Slots of TCP connections: who has them, and whose is taken once there is none left.

Pure: connections are any objects, and there is no socket and no clock. A connection is idle while
no query of it is being answered and no answer of it is unsent (RFC 7766 §3); the idle one longest
without a query gives its slot to a newcomer (§6.2.3, RFC 9210 §4.3). Octets that make no whole
query change nothing. `native/src/io/tcp/slots.rs` is the same.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Generic, Literal, NamedTuple, TypeVar

Connection = TypeVar("Connection")
Client = tuple[int, int]
Limit = Literal["connections", "per_client", "descriptors", "busy"]


def client_of(address: str) -> Client:
    """Whose connections count together, as IP version and bits.

    That is an IPv4 address, or an IPv6 network of 64 bits, of which one host has every address.
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv4Address):
        return 4, int(found)
    if found.ipv4_mapped is not None:
        return 4, int(found.ipv4_mapped)
    return 6, int(found) >> 64


def idle_time(idle: float, taken: int, connections: int) -> float:
    """Seconds that a connection may be idle while `taken` of `connections` slots are taken.

    They are `idle` until half of the slots are, then less with each, a tenth when all are.
    """
    spare = max(0, connections - taken)
    if 2 * spare >= connections:
        return idle
    return idle * (connections + 18 * spare) / (10 * connections)


class Instead(NamedTuple, Generic[Connection]):
    """The connection to close for a newcomer, and the limit that counts as the reason.

    `connection` is None where the newcomer itself is refused.
    """

    connection: Connection | None
    limit: Limit


@dataclass(slots=True)
class _Held(Generic[Connection]):
    """How many slots one client has taken, and which of its connections are idle."""

    taken: int = 0
    idle: OrderedDict[Connection, None] = field(default_factory=OrderedDict)


class Slots(Generic[Connection]):
    """`connections` slots, of which one client has at most `per_client`."""

    def __init__(self, connections: int, per_client: int) -> None:
        self._connections, self._per_client = connections, per_client
        # Each from the one longest without a query to the latest.
        self._idle: OrderedDict[Connection, Client] = OrderedDict()
        self._busy: OrderedDict[Connection, Client] = OrderedDict()
        self._clients: dict[Client, _Held[Connection]] = {}

    @property
    def taken(self) -> int:
        """How many slots are taken, by all clients."""
        return len(self._idle) + len(self._busy)

    def admission(self, client: Client) -> Instead[Connection] | None:
        """What has to go for `client` to have another; None where there is a slot."""
        held = self._clients.get(client)
        if held is not None and held.taken >= self._per_client:
            own = next(iter(held.idle), None)
            return Instead(own, "per_client" if own is not None else "busy")
        if self.taken < self._connections:
            return None
        return self.longest("connections") or Instead(None, "busy")

    def longest(self, limit: Limit) -> Instead[Connection] | None:
        """Which to close for lack of something: an idle one for `limit`, else a busy one."""
        for connection in self._idle:
            return Instead(connection, limit)
        for connection in self._busy:
            return Instead(connection, "busy")
        return None

    def take(self, connection: Connection, client: Client) -> None:
        """Give `client` a slot for a connection, which is idle."""
        held = self._clients.setdefault(client, _Held())
        held.taken += 1
        held.idle[connection] = None
        self._idle[connection] = client

    def used(self, connection: Connection, *, idle: bool) -> None:
        """It had a query or has sent its answers: it is the last to go of those alike."""
        client = self._remove(connection)
        (self._idle if idle else self._busy)[connection] = client
        if idle:
            self._clients[client].idle[connection] = None

    def leave(self, connection: Connection) -> None:
        """Free the slot of a connection that has ended."""
        client = self._remove(connection)
        held = self._clients[client]
        held.taken -= 1
        if not held.taken:
            del self._clients[client]

    def _remove(self, connection: Connection) -> Client:
        if connection in self._busy:
            return self._busy.pop(connection)
        client = self._idle.pop(connection)
        del self._clients[client].idle[connection]
        return client
