"""Who there is in the laboratory, and their addresses. Pure.

Addresses are those for benchmarks (RFC 2544) and for documentation (RFC 3849, 5737); no namespace
has a way out. Node number N has 198.18.N.2 and 2001:db8:N::2, and the router the 1 of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

ANYCAST4, ANYCAST6 = "198.19.0.53", "2001:db8:53::53"
"""The service address that every edge announces, of either family."""

ROUTER_AS = 65100
NAME = "chat.inference.example"
"""The steered name that clients ask for."""


@dataclass(frozen=True)
class Node:
    """One that has a namespace and a link to the router."""

    name: str
    number: int

    @property
    def ipv4(self) -> str:
        """Its own address."""
        return f"198.18.{self.number}.2"

    @property
    def ipv6(self) -> str:
        """Its own address."""
        return f"2001:db8:{self.number}::2"

    @property
    def gateway4(self) -> str:
        """The router's address on its link."""
        return f"198.18.{self.number}.1"

    @property
    def gateway6(self) -> str:
        """The router's address on its link."""
        return f"2001:db8:{self.number}::1"


@dataclass(frozen=True)
class EdgeNode(Node):
    """An edge: where it stands, and its autonomous system."""

    city: str
    country: str
    coordinates: tuple[float, float]

    @property
    def asn(self) -> int:
        """Its number as a BGP speaker."""
        return 65000 + self.number


@dataclass(frozen=True)
class RegionNode(Node):
    """A region: where it stands, and the addresses that clients are given for it."""

    country: str
    coordinates: tuple[float, float]
    given4: str
    given6: str

    @property
    def url(self) -> str:
        """Where it is probed."""
        return f"http://{self.ipv4}:8000"


EDGES = (
    EdgeNode("e1", 1, "Frankfurt", "DE", (50.1, 8.7)),
    EdgeNode("e2", 2, "New York", "US", (40.7, -74.0)),
    EdgeNode("e3", 3, "Tokyo", "JP", (35.7, 139.7)),
    EdgeNode("e4", 4, "London", "GB", (51.5, -0.1)),
    EdgeNode("e5", 5, "San Francisco", "US", (37.8, -122.4)),
)
REGIONS = (
    RegionNode("us-east", 21, "US", (39.0, -77.5), "192.0.2.10", "2001:db8:a::10"),
    RegionNode("eu-west", 22, "IE", (53.3, -6.3), "198.51.100.10", "2001:db8:b::10"),
    RegionNode("ap-northeast", 23, "JP", (35.7, 139.7), "203.0.113.10", "2001:db8:c::10"),
)
NATS = (Node("n1", 31), Node("n2", 32), Node("n3", 33))
CLIENTS = Node("clients", 41)


@dataclass(frozen=True)
class Client:
    """A resolver's client: its /24, and the regions it may ever be given, the nearest first."""

    city: str
    subnet: str
    fence: tuple[str, ...]

    @property
    def home(self) -> str:
        """The region it is given while all is well."""
        return self.fence[0]


# Institutions' networks, as resolverd.demo.cities has them. The fences are written by hand: the
# configuration of `edges` has two pins, and what it makes of them is judged by this.
ASKING = (
    Client("Frankfurt", "141.2.1.0", ("eu-west",)),
    Client("New York", "128.59.1.0", ("us-east", "eu-west", "ap-northeast")),
    Client("Tokyo", "133.11.1.0", ("ap-northeast", "eu-west", "us-east")),
    Client("London", "128.40.1.0", ("eu-west", "us-east", "ap-northeast")),
    Client("San Francisco", "128.218.1.0", ("us-east", "ap-northeast")),
    Client("Mumbai", "103.21.124.0", ("ap-northeast", "eu-west", "us-east")),
    Client("Singapore", "137.132.1.0", ("ap-northeast", "eu-west", "us-east")),
    Client("São Paulo", "143.107.1.0", ("us-east", "eu-west", "ap-northeast")),
)
PINS = (
    '[pin.gdpr]\ncountries = ["DE", "FR", "IE"]\nregions = ["eu-west"]\n',
    '[pin.campus]\nsubnets = ["128.218.0.0/16"]\nregions = ["us-east", "ap-northeast"]\n',
)


def region_of(address: str) -> str | None:
    """The region whose given address this is; None for no region's."""
    return next((r.name for r in REGIONS if address in (r.given4, r.given6)), None)


def node(name: str, nodes: Sequence[Node] = (*EDGES, *REGIONS, *NATS, CLIENTS)) -> Node:
    """The one of that name. Raises StopIteration for nobody's."""
    return next(each for each in nodes if each.name == name)
