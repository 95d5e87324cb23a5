"""A region's page of round-trip times, which is not trusted: read in steps, within limits; pure.

A page may speak of networks of /24 and /48 at the finest, and of its own region alone. What it says
besides is left out, and said. It is refused as a whole, so that what it said before goes on to
hold, where it is no such table, is too long, is too old, or where light could not have been so fast
for one in five of those networks whose place is known.
"""

from __future__ import annotations

import zlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple

from resolverd.geo.distance import Coordinates
from resolverd.rtt.light import SAMPLED, PlaceOf, Plausibility
from resolverd.rtt.page import MAX_PAGE, MAX_ROWS
from resolverd.rtt.where import prefix_of

# The share of lines that may be unreadable in what still is such a table.
_MAX_UNREADABLE = 0.1
_MAX_MS, _MAX_LINE = 10_000.0, 300
_BOM = b"\xef\xbb\xbf"
# Octets that are read, and that are unpacked, in one step.
_OCTETS, _UNPACKED = 2 * 1024, 64 * 1024
# The shortest and the longest networks that a row may speak of, by family.
_LENGTHS = {32: (8, 24), 128: (16, 48)}


class PageError(ValueError):
    """The page is refused; the message says why."""


class PageOf(NamedTuple):
    """Whose page it is, where that region stands, and how old its rows may be, in seconds."""

    region: str
    at: Coordinates
    stale_after: float


class PageRow(NamedTuple):
    """One row: what it holds for, milliseconds, of how many clients, and seconds since the last."""

    where: str
    ms: float
    clients: int
    age: float


@dataclass(frozen=True, slots=True)
class PageRows:
    """The rows of a page that were taken, packed, for there may be many.

    `left_out` says how many were not, and why; it is empty where all were.
    """

    packed: bytes
    rows: int
    left_out: str = ""

    def unpacked(self) -> Iterator[PageRow]:
        """The rows."""
        for line in zlib.decompress(self.packed).decode().splitlines():
            where, ms, clients, age = line.split(",")
            yield PageRow(where, float(ms), int(clients), float(age))


NO_ROWS = PageRows(zlib.compress(b""), 0)


def read_page(
    body: bytes,
    page: PageOf,
    place_of: PlaceOf,
    *,
    gzipped: bool = False,
) -> Generator[None, None, PageRows]:
    """The rows of a page; in steps. Raises PageError."""
    if gzipped:
        body = yield from _unzipped(body)
    if len(body) > MAX_PAGE:
        raise PageError(f"the page is over {MAX_PAGE >> 20} MiB")
    count = body.count(b"\n")
    if count > MAX_ROWS + 1:
        raise PageError(f"the page has more than {MAX_ROWS} rows")
    header, begin = _header(body)
    reading = _Reading(page, _columns(header), max(1, count // SAMPLED))
    for lines in _slices(body, begin):
        reading.take(lines)
        yield
    taken = reading.result()
    yield from _check_plausible(reading.sample, page.at, place_of)
    return taken


def _header(body: bytes) -> tuple[bytes, int]:
    """The first line that is no comment, and where the next one begins."""
    at = len(_BOM) if body.startswith(_BOM) else 0
    while body.startswith(b"#", at) and (end := body.find(b"\n", at)) >= 0:
        at = end + 1
    end = body.find(b"\n", at)
    end = end if end >= 0 else len(body)
    return body[at:end], end + 1


def _slices(body: bytes, at: int) -> Iterator[list[bytes]]:
    """The lines from `at` on, some at a time. A longer line than any row has is cut."""
    while at < len(body):
        end = body.rfind(b"\n", at, at + _OCTETS) + 1 or at + _OCTETS
        yield body[at:end].splitlines()
        at = end


class _Reading:
    """What has been taken of a page so far, and how many lines were not, by reason.

    `sample` has one row of each `stride`.
    """

    def __init__(self, page: PageOf, columns: list[int], stride: int) -> None:
        self.sample: list[PageRow] = []
        self._page, self._region, self._stride = page, page.region.encode(), stride
        self._where, self._of, self._ms, self._count, self._age = columns
        self._lines = self._taken = self._foreign = self._unreadable = self._stale = 0
        self._packer, self._packed = zlib.compressobj(1), bytearray()

    def take(self, lines: list[bytes]) -> None:
        text = []
        for line in lines:
            if not line or line.startswith(b"#"):
                continue
            self._lines += 1
            try:
                row, region = self._row(line)
            except ValueError:
                self._unreadable += 1
                continue
            if region != self._region:
                self._foreign += 1
            elif row.age > self._page.stale_after:
                self._stale += 1
            else:
                if self._taken % self._stride == 0:
                    self.sample.append(row)
                self._taken += 1
                text.append(f"{row.where},{row.ms:.7g},{row.clients},{row.age:.0f}\n")
        self._packed += self._packer.compress("".join(text).encode())

    def _row(self, line: bytes) -> tuple[PageRow, bytes]:
        if len(line) > _MAX_LINE:
            raise ValueError("too long")
        cells = line.split(b",")
        ms = float(cells_at(cells, self._ms))
        clients = int(cells_at(cells, self._count) or 1) if self._count >= 0 else 1
        age = float(cells_at(cells, self._age) or 0) if self._age >= 0 else 0.0
        text = cells_at(cells, self._where).decode("ascii")
        network = prefix_of(text)
        shortest, longest = _LENGTHS[network.bits]
        sound = 0 < ms <= _MAX_MS and 0 < clients <= 1 << 32 and age >= 0 and isfinite(age)
        if not sound or not shortest <= network.length <= longest:
            raise ValueError("out of range")
        # Of IPv4 there is one way to write it; str() is half of all the time.
        where = text if network.bits == 32 and ":" not in text else str(network)
        return PageRow(where, ms, clients, age), cells_at(cells, self._of)

    def result(self) -> PageRows:
        """What was taken. Raises PageError where that is nothing, or too little of the page."""
        if self._unreadable > _MAX_UNREADABLE * self._lines:
            raise PageError(f"{self._unreadable} of {self._lines} lines cannot be read")
        left_out = [
            f"{count} of {self._lines} rows {words}"
            for count, words in (
                (self._unreadable, "cannot be read"),
                (self._foreign, "speak of another region"),
                (self._stale, "are too old"),
            )
            if count
        ]
        if left_out and not self._taken:
            raise PageError("; ".join(left_out))
        packed = bytes(self._packed + self._packer.flush())
        return PageRows(packed, self._taken, "; ".join(left_out))


def cells_at(cells: list[bytes], column: int) -> bytes:
    """The cell of a column. Raises ValueError where the line has no such cell."""
    if column >= len(cells):
        raise ValueError("too short")
    return cells[column]


def _columns(header: bytes) -> list[int]:
    """Where where, region, ms, count and age stand; -1 for one of the last two that is missing."""
    names = [name.strip() for name in header[:_MAX_LINE].decode("ascii", "replace").split(",")]
    missing = [name for name in ("where", "region", "ms") if name not in names]
    if missing:
        raise PageError(f"the page is no table of round-trip times: it lacks {missing[0]}")
    wanted = ("where", "region", "ms", "count", "age")
    return [names.index(name) if name in names else -1 for name in wanted]


def _unzipped(body: bytes) -> Generator[None, None, bytes]:
    unpacker, found = zlib.decompressobj(31), bytearray()
    try:
        found += unpacker.decompress(body, _UNPACKED)
        while unpacker.unconsumed_tail and len(found) <= MAX_PAGE:
            yield
            found += unpacker.decompress(unpacker.unconsumed_tail, _UNPACKED)
    except zlib.error as error:
        raise PageError("what it calls gzip is not") from error
    if not unpacker.eof and len(found) <= MAX_PAGE:
        found += unpacker.flush(_UNPACKED)
        if not unpacker.eof:
            raise PageError("what it calls gzip is cut short")
    return bytes(found)


def _check_plausible(
    sample: list[PageRow], at: Coordinates, place_of: PlaceOf
) -> Generator[None, None, None]:
    """Raises PageError where light could not have been so fast for many of the networks.

    For a few it always seems so: databases are wrong about them.
    """
    found = Plausibility(at)
    for where, ms, *_ in sample:
        found.note(ms, place_of(prefix_of(where)))
        yield
    if not found.believed:
        raise PageError(str(found))
