"""A small writer of MaxMind DB files (format 2.0), so that tests can choose their networks.

Longer networks win over shorter ones whatever their order; IPv4 networks in an IPv6 tree go
under ::/96. Nothing here shares code with the readers under test.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

Value = str | float | int | bool | dict[str, "Value"] | list["Value"]
Record = Mapping[str, Value]

_MARKER = b"\xab\xcd\xefMaxMind.com"
_UINT16, _UINT32, _UINT64 = 5, 6, 9
_ALIASES = ("::ffff:0:0/96", "2001::/32", "2002::/16")


class _Node:
    """An inner node; each side is a node, a data offset, or None for "nothing here"."""

    def __init__(self, inherited: int | None = None) -> None:
        self.sides: list[_Node | int | None] = [inherited, inherited]


def write_mmdb(
    path: Path,
    networks: Mapping[str, Record],
    database_type: str = "city ipv4",
    record_size: Literal[24, 28, 32] = 24,
    ip_version: Literal[4, 6] = 4,
    *,
    aliases: bool = False,
    build_epoch: int = 1_700_000_000,
) -> Path:
    """Write a database of `networks` (CIDR text to record) to `path`, and return `path`.

    With `aliases`, an IPv6 tree leads ::ffff:0:0/96, 2001::/32 and 2002::/16 into its IPv4
    subtree, as MaxMind's do; `networks` must then have nothing inside these.
    """
    path.write_bytes(
        mmdb_bytes(
            networks,
            database_type,
            record_size,
            ip_version,
            aliases=aliases,
            build_epoch=build_epoch,
        )
    )
    return path


def mmdb_bytes(
    networks: Mapping[str, Record],
    database_type: str = "city ipv4",
    record_size: Literal[24, 28, 32] = 24,
    ip_version: Literal[4, 6] = 4,
    *,
    aliases: bool = False,
    build_epoch: int = 1_700_000_000,
) -> bytes:
    """The bytes that `write_mmdb` writes."""
    data = bytearray()
    offsets: dict[bytes, int] = {}
    root = _Node()
    parsed = [(ipaddress.ip_network(text), record) for text, record in networks.items()]
    for network, record in sorted(parsed, key=lambda pair: pair[0].prefixlen):
        encoded = encode(dict(record))
        if encoded not in offsets:
            offsets[encoded] = len(data)
            data += encoded
        _insert(root, *_bits(network, ip_version), offsets[encoded])
    if aliases:
        _alias(root)
    nodes = _number(root)
    metadata = {
        "binary_format_major_version": _unsigned(_UINT16, 2),
        "binary_format_minor_version": _unsigned(_UINT16, 0),
        "build_epoch": _unsigned(_UINT64, build_epoch),
        "database_type": encode(database_type),
        "description": encode({"en": "test"}),
        "ip_version": _unsigned(_UINT16, ip_version),
        "languages": encode(["en"]),
        "node_count": _unsigned(_UINT32, len(nodes)),
        "record_size": _unsigned(_UINT16, record_size),
    }
    fields = b"".join(encode(key) + value for key, value in metadata.items())
    tree = b"".join(_pack(node, nodes, record_size) for node in nodes)
    return tree + bytes(16) + bytes(data) + _MARKER + _control(7, len(metadata)) + fields


def encode(value: Value) -> bytes:
    """One value of the data section, without pointers."""
    if isinstance(value, bool):
        return _control(14, int(value))
    if isinstance(value, int):
        return _unsigned(_UINT32 if value < 2**32 else _UINT64, value)
    if isinstance(value, float):
        return _control(3, 8) + struct.pack("!d", value)
    if isinstance(value, str):
        text = value.encode(errors="surrogateescape")
        return _control(2, len(text)) + text
    if isinstance(value, list):
        return _control(11, len(value)) + b"".join(map(encode, value))
    pairs = (encode(key) + encode(inner) for key, inner in value.items())
    return _control(7, len(value)) + b"".join(pairs)


def _unsigned(kind: int, value: int) -> bytes:
    width = (value.bit_length() + 7) // 8
    return _control(kind, width) + value.to_bytes(width, "big")


def _control(kind: int, size: int) -> bytes:
    small, extra = (size, b"") if size < 29 else (29, bytes([size - 29]))
    if kind > 7:
        return bytes([small, kind - 7]) + extra
    return bytes([kind << 5 | small]) + extra


def _bits(
    network: ipaddress.IPv4Network | ipaddress.IPv6Network, ip_version: int
) -> tuple[int, int, int]:
    """(address, length, width) of a network in a tree of that IP version."""
    address, length = int(network.network_address), network.prefixlen
    if ip_version == 4:
        assert network.version == 4, "an IPv6 network in an IPv4 tree"
        return address, length, 32
    return address, length + (96 if network.version == 4 else 0), 128


def _insert(root: _Node, address: int, length: int, width: int, leaf: _Node | int) -> None:
    assert length > 0, "a tree has no record for everything; give its two halves"
    node = root
    for depth in range(length - 1):
        bit = address >> (width - 1 - depth) & 1
        below = node.sides[bit]
        if not isinstance(below, _Node):
            below = node.sides[bit] = _Node(below)
        node = below
    node.sides[address >> (width - length) & 1] = leaf


def _alias(root: _Node) -> None:
    node: _Node | int | None = root
    for _ in range(96):
        assert isinstance(node, _Node), "aliases need an IPv4 network"
        node = node.sides[0]
    assert isinstance(node, _Node), "aliases need an IPv4 network longer than /0"
    for text in _ALIASES:
        _insert(root, *_bits(ipaddress.ip_network(text), 6), node)


def _number(root: _Node) -> dict[_Node, int]:
    """Each distinct node and its number, in the order of first visit."""
    numbers: dict[_Node, int] = {}
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node not in numbers:
            numbers[node] = len(numbers)
            waiting += [side for side in reversed(node.sides) if isinstance(side, _Node)]
    return numbers


def _pack(node: _Node, numbers: dict[_Node, int], record_size: int) -> bytes:
    left, right = (
        numbers[side]
        if isinstance(side, _Node)
        else len(numbers) + (0 if side is None else 16 + side)
        for side in node.sides
    )
    if record_size == 28:
        middle = (left >> 24) << 4 | right >> 24
        return (
            (left & 0xFFFFFF).to_bytes(3, "big")
            + bytes([middle])
            + (right & 0xFFFFFF).to_bytes(3, "big")
        )
    return left.to_bytes(record_size // 8, "big") + right.to_bytes(record_size // 8, "big")
