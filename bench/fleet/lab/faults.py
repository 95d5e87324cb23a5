"""What goes wrong between two nodes: nftables on the router, which all of their packets pass.

    part(a, b)        nothing passes between the two, either way: a partition of that pair
    blackhole(a)      nothing of it passes or reaches the router; its link stays up
    without_bgp(a)    its BGP and BFD alone are dropped: a route that goes, an edge that lives
    cut(a)            its link is down, and both ends see it
    mirror(a, b, c)   what a sends to b, c gets and answers as b: a takes a dead b for a living one

Each is undone by its own name, or all by `mend`. Dropped without a word, as firewalls do.
"""

from __future__ import annotations

from bench.fleet.lab.namespaces import Namespace
from bench.fleet.lab.places import Node

_TABLE = """\
table inet lab {
    set parted4 { type ipv4_addr . ipv4_addr; }
    set parted6 { type ipv6_addr . ipv6_addr; }
    set silent { type ifname; }
    set nobgp { type ifname; }
    chain forward {
        type filter hook forward priority 0; policy accept;
        iifname @silent drop
        oifname @silent drop
        ip saddr . ip daddr @parted4 drop
        ip6 saddr . ip6 daddr @parted6 drop
    }
    chain input {
        type filter hook input priority 0; policy accept;
        iifname @silent drop
        iifname @nobgp tcp dport 179 drop
        iifname @nobgp tcp sport 179 drop
        iifname @nobgp udp dport { 3784, 3785 } drop
    }
    chain output {
        type filter hook output priority 0; policy accept;
        oifname @silent drop
        oifname @nobgp tcp dport 179 drop
        oifname @nobgp tcp sport 179 drop
        oifname @nobgp udp dport { 3784, 3785 } drop
    }
}
"""
# Only where it is wanted: to translate addresses the kernel follows every flow.
_MIRRORS = """\
table ip mirror {
    map mirrored { type ipv4_addr . ipv4_addr : ipv4_addr; }
    chain prerouting {
        type nat hook prerouting priority -100;
        meta l4proto tcp dnat to ip saddr . ip daddr map @mirrored
    }
}
"""


class Faults:
    """Those of one router; none at first."""

    def __init__(self, router: Namespace) -> None:
        self._router = router
        self._cut: set[str] = set()
        self._mirroring = False
        self._nft(_TABLE)

    def part(self, one: Node, other: Node) -> None:
        """Nothing passes between the two."""
        self._elements("add", one, other)

    def join(self, one: Node, other: Node) -> None:
        """It passes again."""
        self._elements("delete", one, other)

    def blackhole(self, one: Node) -> None:
        """Nothing of it passes or reaches the router, and nothing reaches it."""
        self._nft(f"add element inet lab silent {{ {one.name} }}")

    def without_bgp(self, one: Node) -> None:
        """No BGP and no BFD between it and the router."""
        self._nft(f"add element inet lab nobgp {{ {one.name} }}")

    def cut(self, one: Node) -> None:
        """Its link is down."""
        self._cut.add(one.name)
        self._router.ip(f"link set {one.name} down")

    def mirror(self, asking: Node, asked: Node, answering: Node) -> None:
        """What `asking` sends to `asked` by TCP, `answering` gets."""
        if not self._mirroring:
            self._nft(_MIRRORS)
            self._mirroring = True
        pair = f"{asking.ipv4} . {asked.ipv4} : {answering.ipv4}"
        self._nft(f"add element ip mirror mirrored {{ {pair} }}")

    def mend(self) -> None:
        """Undo all of them."""
        for name in ("parted4", "parted6", "silent", "nobgp"):
            self._nft(f"flush set inet lab {name}")
        if self._mirroring:
            self._nft("delete table ip mirror")
            self._mirroring = False
        for name in self._cut:
            # Its IPv6 addresses and routes went with the link.
            self._router.ip(f"link set {name} up")
        self._cut.clear()

    def _elements(self, verb: str, one: Node, other: Node) -> None:
        pairs4 = f"{one.ipv4} . {other.ipv4}, {other.ipv4} . {one.ipv4}"
        pairs6 = f"{one.ipv6} . {other.ipv6}, {other.ipv6} . {one.ipv6}"
        self._nft(
            f"{verb} element inet lab parted4 {{ {pairs4} }}\n"
            f"{verb} element inet lab parted6 {{ {pairs6} }}"
        )

    def _nft(self, text: str) -> None:
        self._router.run("nft", "-f", "-", stdin=f"{text}\n")
