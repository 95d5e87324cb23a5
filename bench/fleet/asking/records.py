"""What `ask` wrote: one `Record` for each query, in the order in which they left."""

from __future__ import annotations

import ipaddress
import struct
from bisect import bisect_left
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

_RECORD = struct.Struct("=QQIHBB6sBB")
NO_RCODE = 255


class Record(NamedTuple):
    """A query and what became of it. Times are monotonic seconds; `received` 0 without an answer.

    `address` is that of the first A record or empty, `client` a number of the clients' file, `edge`
    the NSID of whoever answered.
    """

    sent: float
    received: float
    address: str
    ttl: int
    rcode: int
    client: int
    edge: str
    responses: int
    family: int


def read(path: Path) -> Iterator[Record]:
    """Those that have left so far."""
    octets = path.read_bytes()
    for sent, received, address, ttl, rcode, client, edge, responses, family in _RECORD.iter_unpack(
        octets[: len(octets) - len(octets) % _RECORD.size]
    ):
        if not sent:
            return
        yield Record(
            sent / 1e9,
            received / 1e9,
            _address(address),
            ttl,
            rcode,
            client,
            _edge(edge),
            responses,
            family,
        )


def count(path: Path) -> int:
    """How many have left so far, found without reading them."""
    with path.open("rb") as file:

        def is_empty(number: int) -> bool:
            file.seek(number * _RECORD.size)
            return not any(file.read(8))  # the time at which it left

        whole = path.stat().st_size // _RECORD.size
        return bisect_left(range(whole), True, key=is_empty)


@lru_cache
def _address(number: int) -> str:
    return str(ipaddress.IPv4Address(number)) if number else ""


@lru_cache
def _edge(octets: bytes) -> str:
    return octets.rstrip(b"\0").decode("ascii", "replace")
