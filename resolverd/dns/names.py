"""Owner names in wire form (RFC 1035 §3.1): labels with their lengths, ending in a zero octet.

A *key* is such a name with its ASCII letters lowered, which is how names compare
(RFC 4343). Length octets are below 64 and so are never touched by lowering. Keys are what
tables are indexed by; the name as it was asked is echoed.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from functools import lru_cache

import dns.exception
import dns.name

ROOT = b"\0"
WILDCARD = b"\1*"

Key = bytes

LENGTHS = tuple(bytes((length,)) for length in range(64))
"""The octet before a label, by its length."""


def key_from_text(text: str) -> Key:
    """The key of a name in presentation form; a missing final dot is understood.

    Raises ValueError when it is not a name.
    """
    try:
        wire = dns.name.from_text(text).to_wire()
    except (dns.exception.DNSException, UnicodeError) as error:
        raise ValueError(f'"{text}" is not a domain name: {error}') from error
    return (wire or ROOT).lower()


def key_of(name: dns.name.Name) -> Key:
    """The key of `name`, which has to be absolute: wire form, ASCII letters lowered."""
    return _key_of(name.labels)


@lru_cache(maxsize=256)
def _key_of(labels: tuple[bytes, ...]) -> Key:
    """A zone's own names are asked for time and again while it is read."""
    return b"".join([LENGTHS[len(label)] + label for label in labels]).lower()


def to_text(name: bytes) -> str:
    """The presentation form of a name in wire form, with final dot and escapes (RFC 1035 §5.1)."""
    return dns.name.from_wire(name, 0)[0].to_text()


def parent(name: bytes) -> bytes:
    """The name less its leftmost label; the root is its own parent."""
    return name[1 + name[0] :] if name != ROOT else name


def closest_encloser(name: Key, existing: Container[Key]) -> Key:
    """The nearest name above `name` that is among the `existing` (RFC 4592 §3.3.1).

    One has to be: the apex of the zone.
    """
    while (above := parent(name)) not in existing:
        name = above
    return above


def ancestors(name: bytes) -> Iterator[bytes]:
    """The name itself, then each ancestor up to the root."""
    while name != ROOT:
        yield name
        name = name[1 + name[0] :]
    yield ROOT
