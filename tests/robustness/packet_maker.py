"""Random and mutated packets: every kind of good query, and a dozen ways to spoil it."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator

import dns.edns
from harness.messages import query

NAMES = (
    "chat.example.",
    "www.example.",
    "missing.example.",
    "x.wild.example.",
    "alias.example.",
    "x.old.example.",
    "host.sub.example.",
    "ent.example.",
    "edge.example.",
    "loop.example.",
    "big.example.",
    "outside.test.",
    ".",
    ".".join(["l" * 63] * 3) + ".example.",
)
TYPES = ("A", "AAAA", "NS", "SOA", "MX", "TXT", "ANY", "CNAME", "DNAME", "DS", "AXFR", "OPT")
SUBNETS = (
    "10.1.2.0/24", "10.4.0.0/20", "0.0.0.0/0", "2001:db8:1::/48", "::/0", "10.2.3.4/32",
    "2002:a01:200::/40", "64:ff9b::a01:0/112", "2001:0:1::/64", "::/1",
)  # fmt: skip


def packets(seed: int, count: int) -> Iterator[bytes]:
    """`count` packets, the same ones for the same seed."""
    rng = random.Random(seed)
    good = good_queries(rng, 400)
    for _ in range(count):
        kind = rng.randrange(20)
        if kind == 0:
            yield rng.randbytes(rng.randrange(600))
        elif kind <= 4:
            yield rng.choice(good)
        elif kind == 5:
            yield rng.choice(good)[:12] + rng.randbytes(rng.randrange(80))
        else:
            packet = bytearray(rng.choice(good))
            for _ in range(rng.choice((1, 1, 1, 2, 5))):
                rng.choice(_MUTATIONS)(rng, packet)
            yield bytes(packet)


def good_queries(rng: random.Random, count: int) -> list[bytes]:
    """Well-formed queries with and without EDNS and its options."""
    found = []
    for _ in range(count):
        options: list[dns.edns.Option] = []
        if rng.random() < 0.4:
            address, length = rng.choice(SUBNETS).split("/")
            options.append(dns.edns.ECSOption(address, int(length)))
        if rng.random() < 0.3:
            options.append(dns.edns.GenericOption(dns.edns.OptionType.NSID, b""))
        if rng.random() < 0.3:
            options.append(dns.edns.CookieOption(rng.randbytes(8), b""))
        found.append(
            query(
                rng.choice(NAMES),
                rng.choice(TYPES),
                qid=rng.randrange(65536),
                edns=rng.choice((None, *(0,) * 7, 1)),
                payload=rng.choice((0, 512, 1232, 4096, 65535)),
                options=options,
                flags=rng.choice((0, 0x0100, 0x0110)),
                qclass=rng.choice((*("IN",) * 9, "CH", "ANY")),
            )
        )
    return found


def _flip_bit(rng: random.Random, packet: bytearray) -> None:
    if packet:
        packet[rng.randrange(len(packet))] ^= 1 << rng.randrange(8)


def _set_octet(rng: random.Random, packet: bytearray) -> None:
    if packet:
        packet[rng.randrange(len(packet))] = rng.choice((0, 1, 63, 64, 0x80, 0xC0, 0xFF))


def _cut(rng: random.Random, packet: bytearray) -> None:
    del packet[rng.randrange(len(packet) + 1) :]


def _insert(rng: random.Random, packet: bytearray) -> None:
    at = rng.randrange(len(packet) + 1)
    packet[at:at] = rng.randbytes(rng.randrange(1, 9))


def _remove(rng: random.Random, packet: bytearray) -> None:
    at = rng.randrange(len(packet) + 1)
    del packet[at : at + rng.randrange(1, 5)]


def _lie_about_a_length(rng: random.Random, packet: bytearray) -> None:
    if len(packet) >= 14:
        at = rng.randrange(12, len(packet) - 1)
        packet[at : at + 2] = struct.pack("!H", rng.choice((0, 1, 4, 255, 256, 0xFFFF)))


def _lie_about_a_count(rng: random.Random, packet: bytearray) -> None:
    at = rng.choice((4, 6, 8, 10))
    packet[at : at + 2] = struct.pack("!H", rng.choice((0, 1, 2, 3, 0xFFFF)))


def _repeat_the_tail(rng: random.Random, packet: bytearray) -> None:
    packet += packet[rng.randrange(len(packet) + 1) :]


def _random_ecs(rng: random.Random, packet: bytearray) -> None:
    data = rng.randbytes(rng.randrange(22))
    option = struct.pack("!HH", 8, len(data)) + data
    packet[10:12] = b"\0\1"
    packet += b"\0" + struct.pack("!HHIH", 41, 1232, 0, len(option)) + option


_MUTATIONS: tuple[Callable[[random.Random, bytearray], None], ...] = (
    _flip_bit, _flip_bit, _set_octet, _cut, _insert, _remove, _lie_about_a_length,
    _lie_about_a_count, _repeat_the_tail, _random_ecs,
)  # fmt: skip
