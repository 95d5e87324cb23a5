"""Host names in one normal form, and addresses that are nobody else's.

The normal form is what goes into a query: A-labels (RFC 5891), lower case, and at most one dot at
the end. That dot stays where it is written, for a name with it is absolute and is not searched.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache

from yarl import URL

_MAPPED = ipaddress.ip_network("::ffff:0:0/96")
_THIS_NETWORK = ipaddress.ip_network("0.0.0.0/8")


@lru_cache(maxsize=4096)
def normal_host(host: str) -> str:
    """`host` in the normal form; one that no name can be is only lowered."""
    dot = "." if host.endswith(".") else ""
    bare = host.rstrip(".")
    try:
        form = URL.build(scheme="http", host=bare).raw_host
    except ValueError:  # the name does not fit a URL; whoever looks it up will say so
        form = None
    return (form or bare).lower() + dot


def is_address(text: str) -> bool:
    """Whether `text` is an IPv4 or IPv6 address rather than a name."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_local_name(host: str) -> bool:
    """Whether `host` is this host by its name alone: localhost and all below (RFC 6761 §6.3)."""
    bare = host.rstrip(".").lower()
    return bare == "localhost" or bare.endswith(".localhost")


def is_elsewhere(address: str) -> bool:
    """Whether a client may be sent to `address` because a name says so.

    Not to the unspecified address, loopback, link-local, multicast, broadcast or what is reserved
    (RFC 6890), nor to an IPv4-mapped address of those: each leads a client to itself, or nowhere.
    """
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv6Address) and parsed in _MAPPED:
        parsed = ipaddress.IPv4Address(parsed.packed[-4:])
    nowhere = (
        parsed.is_unspecified or parsed.is_loopback or parsed.is_link_local or parsed.is_multicast
    )
    if isinstance(parsed, ipaddress.IPv4Address):
        nowhere = nowhere or parsed in _THIS_NETWORK or parsed.is_reserved
    return not nowhere
