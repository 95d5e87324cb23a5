"""The page of measured round-trip times that a region serves; pure.

    where,region,ms,count,age
    198.51.100.0/24,eu-west,23,10,600

A row stands for at least `minimum` clients and is rounded, so that no single one can be told, nor
one who comes or goes: milliseconds to whole ones, the count down to a multiple of `minimum`, the
age in seconds up to ten minutes. The last also keeps the page, and so its ETag, the same while
nothing has changed.
"""

from __future__ import annotations

import hashlib
import math
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from resolverd.rtt.networks import NetworkTime

HEADER = "where,region,ms,count,age"

MAX_PAGE = 4 * 1024 * 1024
"""Octets of a page at most; a region with more networks leaves out those of the fewest clients."""

MAX_ROWS = 65_536
"""Rows of a page at most: more would keep an edge busy for longer than a probe may wait."""

AGE_STEP = 600.0
"""Seconds to a multiple of which ages are rounded up."""


@dataclass(frozen=True)
class Page:
    """A page as it is served: the same octets for everybody until the next.

    `made_at` is in Unix seconds.
    """

    text: bytes
    rows: int = 0
    made_at: float = 0.0

    @cached_property
    def etag(self) -> str:
        """Its entity tag (RFC 9110 §8.8.3); a weak one, for it holds of the compressed page too."""
        return f'W/"{hashlib.sha256(self.text).hexdigest()[:32]}"'

    @cached_property
    def compressed(self) -> bytes:
        """The page in gzip's format."""
        packer = zlib.compressobj(6, zlib.DEFLATED, 31)
        return packer.compress(self.text) + packer.flush()


def page_of(times: Iterable[NetworkTime], region: str, minimum: int, made_at: float = 0.0) -> Page:
    """The page of `region`; networks of fewer than `minimum` clients are left out."""
    known = [time for time in times if time.clients >= minimum]
    if len(known) > MAX_ROWS:
        known.sort(key=lambda time: time.clients, reverse=True)
        known = sorted(known[:MAX_ROWS], key=lambda time: time.network)
    lines = [HEADER, *(_row(time, region, minimum) for time in known)]
    kept = list(_within(lines, MAX_PAGE))
    return Page("".join(kept).encode(), len(kept) - 1, made_at)


def _row(time: NetworkTime, region: str, minimum: int) -> str:
    ms = max(1, round(time.ms))
    count = time.clients // minimum * minimum
    age = max(1, math.ceil(time.age / AGE_STEP)) * AGE_STEP
    return f"{time.network},{region},{ms},{count},{age:.0f}"


def _within(lines: Iterable[str], most: int) -> Iterator[str]:
    """The lines, each with its end, as far as they have at most so many octets."""
    octets = 0
    for line in lines:
        octets += len(line.encode()) + 1
        if octets > most:
            return
        yield f"{line}\n"
