"""Queries as resolvers send them, octet for octet."""

from __future__ import annotations

import struct

from resolverd.dns.prefix import Prefix

_OPT = struct.Struct("!BHHIH")
_CLIENT_SUBNET = 8


def a_query(name: str, number: int, *, edns: bool = True, client: Prefix | None = None) -> bytes:
    """An A query of this ID; with EDNS (RFC 6891) it tells the subnet of `client` (RFC 7871)."""
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))
    option = _subnet(client) if client else b""
    opt = _OPT.pack(0, 41, 1232, 0x8000, len(option)) + option if edns else b""
    return struct.pack("!6H", number, 0, 1, 0, 0, edns) + labels + b"\0\0\1\0\1" + opt


def _subnet(client: Prefix) -> bytes:
    count = -(-client.length // 8)
    address = client.address.to_bytes(client.bits // 8, "big")[:count]
    family = 1 if client.bits == 32 else 2
    return struct.pack("!HHHBB", _CLIENT_SUBNET, 4 + count, family, client.length, 0) + address
