"""Limits of messages and of one service, orders of regions, and the IPv6 networks that embed IPv4.

A limit that both engines know stands here, with what a larger or a smaller one would do.
"""

from __future__ import annotations

import ipaddress
from textwrap import fill
from typing import NamedTuple

from contract.render import python_module, quoted, rust_const, rust_enum, rust_module


class Limit(NamedTuple):
    """One limit; `rust` is its type there."""

    name: str
    value: int | float
    rust: str
    doc: str


class EmbeddedV4(NamedTuple):
    """A network whose addresses embed an IPv4 one, `offset` bits behind their beginning."""

    network: str
    offset: int
    inverted: bool
    doc: str


class Order(NamedTuple):
    """How a service orders its regions; its number where a map is compiled."""

    number: int
    name: str
    doc: str


class Limits(NamedTuple):
    """All of them. `of_messages` are DNS's, `of_maps` the native library's."""

    of_messages: tuple[Limit, ...]
    of_maps: tuple[Limit, ...]
    embedded_v4: tuple[EmbeddedV4, ...]
    orders: tuple[Order, ...]


LIMITS = Limits(
    of_messages=(
        Limit("MAX_NAME", 255, "usize", "The most octets of a name (RFC 1035 §2.3.4)."),
        Limit("MAX_LABEL", 63, "u8", "The most octets of a label (RFC 1035 §2.3.4)."),
        Limit("MAX_MESSAGE", 65_535, "usize", "The most octets over TCP (RFC 1035 §4.2.2)."),
        Limit(
            "MIN_PAYLOAD",
            512,
            "u16",
            "What any requestor takes over UDP, in octets (RFC 1035 §4.2.1, RFC 6891 §6.2.3).",
        ),
        Limit(
            "MAX_PAYLOAD",
            4096,
            "usize",
            "The most octets that are sent over UDP; more would be lost to fragmentation sooner.",
        ),
        Limit(
            "MAX_CHAIN",
            16,
            "usize",
            "The most names that the aliases of one answer lead through; a longer chain ends there."
            " More would let one packet cost more, fewer break chains that resolvers still follow.",
        ),
        Limit("ANY_TTL", 3600, "u32", "How long the HINFO that answers ANY is kept, in seconds."),
    ),
    of_maps=(
        Limit(
            "MAX_REGIONS",
            255,
            "usize",
            "How many regions one service may have: a row counts them in one octet, and one number "
            "must be left for no region.",
        ),
        Limit(
            "LEAST_GAIN_MS",
            10.0,
            "f64",
            "Milliseconds that no client moves for less than; nor does a share of clients.",
        ),
        Limit("LEAST_GAIN", 0.1, "f64", "The part of the cost that none moves for less than."),
        Limit(
            "FRONT",
            4,
            "usize",
            "How many regions of a place's order one measured prefix re-orders. A million measured "
            "prefixes would else have nearly as many orders, each of which costs memory and a "
            "decision at every verdict; and who is sent past four regions that are all away is "
            "past caring in which order. With it there are at most 24 orders for each that places "
            "have.",
        ),
    ),
    embedded_v4=(
        EmbeddedV4("::/96", 96, False, "v4-compatible (RFC 4291 §2.5.5.1), IPv4 in databases"),
        EmbeddedV4("::ffff:0:0/96", 96, False, "v4-mapped (RFC 4291 §2.5.5.2)"),
        EmbeddedV4("64:ff9b::/96", 96, False, "NAT64's well-known prefix (RFC 6052 §2.1)"),
        EmbeddedV4("64:ff9b:1::/48", 96, False, "NAT64 within one network (RFC 8215), by /96s"),
        EmbeddedV4("2002::/16", 16, False, "6to4 (RFC 3056 §2)"),
        EmbeddedV4("2001::/32", 96, True, "Teredo (RFC 4380 §4)"),
    ),
    orders=(
        Order(0, "nearest", "by distance"),
        Order(1, "failover", "as listed"),
        Order(2, "weighted", "by weight, for each client's block"),
        Order(3, "latency", "by expected round-trip time"),
    ),
)


def python(limits: Limits) -> str:
    """`resolverd/dns/limits.py`."""
    networks = "".join(
        f"    # {row.doc}\n"
        f"    EmbeddedV4(parse_prefix({quoted(row.network)}), {row.offset}, {row.inverted}),\n"
        for row in limits.embedded_v4
    )
    return python_module(
        "limits",
        "Limits of DNS messages, and the IPv6 networks that embed IPv4 addresses.",
        (
            "from typing import Final, NamedTuple",
            "",
            "from resolverd.dns.prefix import Prefix, parse_prefix",
        ),
        (
            python_limits(limits.of_messages) + "\n\n\nclass EmbeddedV4(NamedTuple):\n"
            '    """A network whose addresses embed an IPv4 one behind `offset` bits.\n\n'
            "    `before_u` bits of it stand before the octet u, which is skipped (RFC 6052 §2.2); "
            "128 where\n    there is no such octet.\n"
            '    """'
            "\n\n    network: Prefix\n    offset: int\n    inverted: bool\n"
            "    before_u: int = 128\n\n\n"
            f"EMBEDDED_V4: Final = (\n{networks})",
        ),
    )


def python_limits(limits: tuple[Limit, ...]) -> str:
    """Constants of Python, each with its text."""
    return "\n".join(
        f'{one.name}: Final = {one.value}\n"""{fill(one.doc, 94)}"""' for one in limits
    )


def python_maps(limits: Limits) -> str:
    """`resolverd/abi/limits.py`."""
    orders = "".join(f"    {quoted(order.name)}: {order.number},\n" for order in limits.orders)
    return python_module(
        "limits",
        "What maps are made of, in both engines.",
        ("from collections.abc import Mapping", "from typing import Final"),
        (
            python_limits(limits.of_maps),
            f"ORDERS: Final[Mapping[str, int]] = {{\n{orders}}}\n"
            '"""The numbers of the orders of regions."""',
        ),
    )


def rust(limits: Limits) -> str:
    """`native/src/wire/limits.rs`."""
    return rust_module(
        "limits",
        "Limits of DNS messages: `resolverd/dns/limits.py`.",
        ("\n".join(rust_const(o.name, o.rust, o.value, o.doc) for o in limits.of_messages),),
    )


def rust_maps(limits: Limits) -> str:
    """`native/src/geo/contract.rs`."""
    networks = "".join(_rust_network(row) for row in limits.embedded_v4)
    orders = "".join(
        f"            {order.number} => Some(Self::{order.name.capitalize()}),\n"
        for order in limits.orders
    )
    variants = [(o.name.capitalize(), f"{o.doc[0].upper()}{o.doc[1:]}.") for o in limits.orders]
    return rust_module(
        "limits",
        "What maps are made of, in both engines: how regions are ordered, how many there may be, "
        "and the IPv6 networks that embed IPv4 addresses.",
        (
            "\n".join(rust_const(o.name, o.rust, o.value, o.doc) for o in limits.of_maps),
            rust_enum("Ordering", "How regions are ordered.", variants),
            f"""impl Ordering {{
    /// That of a number in a geography.
    #[must_use]
    pub const fn of(number: u8) -> Option<Self> {{
        match number {{
{orders}            _ => None,
        }}
    }}
}}""",
            f"""/// A network whose addresses embed an IPv4 one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EmbeddedV4 {{
    /// Its address.
    pub network: u128,
    /// Its bits.
    pub length: u8,
    /// Bits before the embedded address.
    pub offset: u8,
    /// Whether each of its bits is flipped.
    pub inverted: bool,
    /// Its bits before the octet u, which is skipped (RFC 6052 §2.2); 128 where there is none.
    pub before_u: u8,
}}

/// All of them.
pub static EMBEDDED_V4: [EmbeddedV4; {len(limits.embedded_v4)}] = [
{networks}];""",
        ),
    )


def _rust_network(row: EmbeddedV4) -> str:
    network = ipaddress.IPv6Network(row.network)
    return (
        f"    // {row.doc}\n    EmbeddedV4 {{\n"
        f"        network: {int(network.network_address):#x},\n"
        f"        length: {network.prefixlen},\n        offset: {row.offset},\n"
        f"        inverted: {str(row.inverted).lower()},\n        before_u: 128,\n    }},\n"
    )
