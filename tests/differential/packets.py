"""Packets of every kind, the same ones for the same seed: good, odd, mutated and recorded.

Plain random choices rather than hypothesis, which is a hundred times slower for each.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

CORPUS = Path(__file__).with_name("corpus")

_TYPES = (1, 1, 1, 28, 28, 2, 5, 6, 12, 15, 16, 33, 35, 39, 43, 46, 48, 52, 64, 65, 99, 255, 257)
_RARE_TYPES = (0, 13, 29, 41, 44, 47, 50, 249, 250, 251, 252, 253, 254, 256, 65280, 65281, 65535)
_PAYLOADS = (0, 511, 512, 513, 700, 1232, 1232, 1232, 1400, 4096, 65535)
_FLAGS = (0, 0, 0x0100, 0x0100, 0x0110, 0x0120, 0x01F0, 0x0010)
_CLASSES = (1,) * 30 + (0, 3, 4, 254, 255, 65535)
_NETWORKS = (
    "0a010203", "c6336400", "cb007107", "c0000201", "7f000001", "00000000", "ffffffff",
    "20010db8000100020003000400050006", "2a02000000000000000000000000cafe", "fe80" + "00" * 14,
    "20020a0102030000" + "00" * 8, "2001000041000000" + "00" * 8,
    "0064ff9b" + "00" * 8 + "0a010203", "00" * 10 + "ffff0a010203",
    "00" * 12 + "0a010203", "00" * 16, "ff" * 16,
)  # fmt: skip
_SOURCES = (
    "203.0.113.7", "10.1.2.3", "10.4.0.9", "127.0.0.1", "2001:db8:1::5", "::ffff:10.1.2.3",
    "2a02::cafe", "2002:a01:203::1", "64:ff9b::a01:203", "198.51.100.77",
)  # fmt: skip


class Case(NamedTuple):
    """One packet, where it comes from, and how."""

    packet: bytes
    source: str
    tcp: bool


def cases(rng: random.Random, names: Sequence[bytes], count: int) -> Iterator[Case]:
    """`count` cases about `names` (wire form) and names near them."""
    recorded = corpus()
    recent = [query(rng, names) for _ in range(64)]
    for number in range(count):
        kind = rng.random()
        if kind < 0.6:
            packet = recent[number % 64] = query(rng, names)
        elif kind < 0.65:
            packet = renamed(rng, rng.choice(recorded), names)
        elif kind < 0.97:
            packet = mutated(rng, rng.choice(recorded if kind < 0.7 else recent), recent)
        else:
            packet = rng.randbytes(rng.randrange(12)) + rng.randbytes(rng.randrange(120))
        yield Case(packet, source(rng), rng.random() < 0.1)


def corpus() -> list[bytes]:
    """The recorded queries: in each file lines of hex, and comments that say what made them."""
    lines = [line for file in sorted(CORPUS.glob("*.hex")) for line in file.read_text().split("\n")]
    return [bytes.fromhex(line) for line in lines if line and not line.startswith("#")]


def source(rng: random.Random) -> str:
    """An address that a query may come from."""
    if rng.random() < 0.7:
        return rng.choice(_SOURCES)
    return f"10.{rng.randrange(8)}.{rng.randrange(256)}.{rng.randrange(256)}"


def query(rng: random.Random, names: Sequence[bytes]) -> bytes:
    """A query that is sound, or nearly so."""
    qtype = rng.choice(_TYPES) if rng.random() < 0.97 else rng.choice(_RARE_TYPES)
    flags = rng.choice(_FLAGS)
    if rng.random() < 0.02:
        flags |= rng.randrange(16) << 11 | rng.choice((0, 0, 0x0600))
    question = near(rng, rng.choice(names)) + struct.pack("!HH", qtype, rng.choice(_CLASSES))
    records = additional(rng)
    before: list[bytes] = []
    if rng.random() < 0.01:
        before = [record(rng)]
    head = struct.pack("!HHHHHH", rng.randrange(65536), flags, 1, 0, len(before), len(records))
    return b"".join((head, question, *before, *records))


def near(rng: random.Random, name: bytes) -> bytes:
    """`name`, or its parent, or a name below it, or beside it, in any case."""
    change = rng.random()
    if change < 0.12:
        label = rng.choice(
            (b"a", b"*", b"www", b"chat", b"x", b"-", rng.randbytes(rng.randrange(1, 64)))
        )
        name = bytes([len(label)]) + label + name
    elif change < 0.16:
        name = b"\1a" * rng.randrange(1, 127) + name
    elif change < 0.2:
        name = b"".join(bytes([n]) + b"l" * n for n in (63,) * rng.randrange(1, 4)) + name
    elif change < 0.24 and len(name) > 1:
        name = name[1 + name[0] :]
    elif change < 0.26:
        name = name[:-1] + b"\4test\0"
    if len(name) > 255:
        name = name[len(name) - 255 :] if rng.random() < 0.1 else b"\7example\0"
    return mixed(rng, name) if rng.random() < 0.3 else name


def mixed(rng: random.Random, name: bytes) -> bytes:
    """The same name with letters of any case (draft-vixie-dnsext-dns0x20)."""
    case = rng.getrandbits(8 * len(name)).to_bytes(len(name), "big")
    return bytes(
        octet ^ 0x20 if flip & 1 and (65 <= octet <= 90 or 97 <= octet <= 122) else octet
        for octet, flip in zip(name, case, strict=True)
    )


def additional(rng: random.Random) -> list[bytes]:
    """Mostly one OPT record; sometimes none, two, or another record beside it."""
    kind = rng.random()
    if kind < 0.25:
        return []
    if kind < 0.95:
        return [opt(rng)]
    if kind < 0.97:
        return [record(rng), opt(rng)]
    if kind < 0.99:
        return [opt(rng), record(rng)]
    return [opt(rng), opt(rng)]


def record(rng: random.Random) -> bytes:
    """A record that a query has no use for, its owner perhaps a pointer."""
    owner = rng.choice((b"\0", b"\xc0\x0c", b"\3www\xc0\x0c", b"\3tst\0"))
    rdata = rng.randbytes(rng.choice((0, 4, 16)))
    return owner + struct.pack("!HHIH", rng.choice((1, 28, 24, 250)), 255, 0, len(rdata)) + rdata


def opt(rng: random.Random) -> bytes:
    """An OPT record with any options."""
    options = b"".join(option(rng) for _ in range(rng.choice((0, 1, 1, 1, 1, 1, 1, 1, 2, 3))))
    odd = rng.random()
    version = rng.randrange(256) if odd < 0.02 else 0
    owner = b"\3www\0" if 0.02 < odd < 0.025 else b"\0"
    flags = rng.choice((0, 0x8000, 0x8000, 0x7FFF))
    ttl = rng.choice((0, 0, 0, 7)) << 24 | version << 16 | flags
    return owner + struct.pack("!HHIH", 41, rng.choice(_PAYLOADS), ttl, len(options)) + options


def option(rng: random.Random) -> bytes:
    """Client subnet mostly; NSID, a cookie, or anything."""
    kind = rng.random()
    if kind < 0.65:
        code, data = 8, subnet(rng)
    elif kind < 0.8:
        code, data = 3, rng.choice((b"", b"", b"spoofed"))
    elif kind < 0.9:
        code, data = 10, rng.randbytes(8)
    else:
        code, data = rng.choice((0, 5, 11, 12, 15, 65001)), rng.randbytes(rng.randrange(40))
    length = len(data) if rng.random() < 0.99 else rng.randrange(64)
    return struct.pack("!HH", code, length) + data


def subnet(rng: random.Random) -> bytes:
    """The data of a client subnet: any family and length, now and then malformed."""
    address = bytes.fromhex(rng.choice(_NETWORKS))
    if rng.random() < 0.5:
        address = (
            address[:1] + rng.randbytes(len(address) - 1)
            if len(address) > 4
            else bytes((10, rng.randrange(8), rng.randrange(256), rng.randrange(256)))
        )
    bits = 8 * len(address)
    length = rng.choice((24, 24, 32, 48, 56, 64)) if rng.random() < 0.5 else rng.randrange(bits + 1)
    length = min(length, bits)
    value = int.from_bytes(address, "big") >> (bits - length) << (bits - length)
    octets = value.to_bytes(len(address), "big")[: (length + 7) // 8]
    family, scope = (1 if bits == 32 else 2), 0
    odd = rng.random()
    if odd < 0.02:
        family = rng.choice((0, 1, 2, 3, 65535))
    elif odd < 0.03:
        scope = rng.randrange(256)
    elif odd < 0.04:
        length = rng.randrange(256)
    elif odd < 0.05:
        octets += rng.randbytes(1)
    elif odd < 0.06 and octets:
        octets = octets[:-1] + bytes([octets[-1] | 1])
    return struct.pack("!HBB", family, length, scope) + octets


def renamed(rng: random.Random, packet: bytes, names: Sequence[bytes]) -> bytes:
    """A recorded query, asked of a name that is served; as it is where it asks nothing."""
    if packet[4:6] != b"\0\1":
        return packet
    end = 12
    while packet[end]:
        end += 1 + packet[end]
    return rng.randbytes(2) + packet[2:12] + near(rng, rng.choice(names)) + packet[end + 1 :]


def mutated(rng: random.Random, packet: bytes, others: Sequence[bytes]) -> bytes:
    """`packet` with something changed, mostly little."""
    spoilt = bytearray(packet)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        rng.choice(_MUTATIONS)(rng, spoilt, others)
    return bytes(spoilt)


def _flip_bit(rng: random.Random, packet: bytearray, _: Sequence[bytes]) -> None:
    if packet:
        packet[rng.randrange(len(packet))] ^= 1 << rng.randrange(8)


def _set_octet(rng: random.Random, packet: bytearray, _: Sequence[bytes]) -> None:
    if packet:
        packet[rng.randrange(len(packet))] = rng.choice((0, 1, 41, 63, 64, 0x80, 0xC0, 0xFF))


def _cut(rng: random.Random, packet: bytearray, _: Sequence[bytes]) -> None:
    del packet[rng.randrange(len(packet) + 1) :]


def _insert(rng: random.Random, packet: bytearray, _: Sequence[bytes]) -> None:
    at = rng.randrange(len(packet) + 1)
    packet[at:at] = rng.randbytes(rng.randrange(1, 9))


def _remove(rng: random.Random, packet: bytearray, _: Sequence[bytes]) -> None:
    at = rng.randrange(len(packet) + 1)
    del packet[at : at + rng.randrange(1, 5)]


def _splice(rng: random.Random, packet: bytearray, others: Sequence[bytes]) -> None:
    other = rng.choice(others)
    packet[rng.randrange(len(packet) + 1) :] = other[rng.randrange(len(other) + 1) :]


def _append(rng: random.Random, packet: bytearray, others: Sequence[bytes]) -> None:
    packet += rng.choice(others)[rng.randrange(60) :]


def _lie_about_a_count(rng: random.Random, packet: bytearray, _: Sequence[bytes]) -> None:
    at = rng.choice((4, 6, 8, 10))
    packet[at : at + 2] = struct.pack("!H", rng.choice((0, 1, 2, 3, 0xFFFF)))


def _clear_the_fault(_: random.Random, packet: bytearray, __: Sequence[bytes]) -> None:
    """What QR and OPCODE hide is seen again."""
    if len(packet) > 2:
        packet[2] &= 0x01


_MUTATIONS: tuple[Callable[[random.Random, bytearray, Sequence[bytes]], None], ...] = (
    _flip_bit, _flip_bit, _flip_bit, _set_octet, _cut, _insert, _remove, _splice, _append,
    _lie_about_a_count, _clear_the_fault,
)  # fmt: skip
