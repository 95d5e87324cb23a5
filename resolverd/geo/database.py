"""One open MaxMind-format database: addresses in, `Located` out.

The database is read whole into a private copy at `open`, so what happens to the file later
does not matter here. Opening checks the type and the metadata only; `resolverd.geo.walk`
checks the rest.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import NamedTuple

import maxminddb

from resolverd.abi.map import Content, PlaceIndex
from resolverd.abi.meter import Meter
from resolverd.dns.prefix import Bits
from resolverd.errors import GeoError
from resolverd.files.large import copy_kept
from resolverd.files.reading import MAX_DATABASE
from resolverd.files.reading import read_file as octets_of
from resolverd.geo.countries import countries
from resolverd.geo.layout import READABLE, Layout, layout_of, may_have_asns, read_place
from resolverd.geo.memory_copy import MemoryCopy, memory_copy, memory_file, readable
from resolverd.geo.place import Located
from resolverd.geo.private import (
    UNREADABLE,
    PrivateReader,
    open_on_disk,
    open_private,
    open_sealed,
    open_shared,
)
from resolverd.geo.values import check_values

METADATA_MARKER = b"\xab\xcd\xefMaxMind.com"
_MAX_METADATA = 128 * 1024  # bytes from the end in which the marker must lie
_UTF8 = 2 << 5
_LARGE_INDEX = 4 * 2**20  # octets

_DAMAGE = (*UNREADABLE, KeyError, AttributeError, OverflowError)
"""What a reader raises over damaged metadata."""


class Metadata(NamedTuple):
    """What a database says of itself; `build_epoch` in seconds since 1970."""

    database_type: str
    layout: Layout
    build_epoch: int
    ip_version: int
    node_count: int
    record_size: int


class Database:
    """A city or country database, open.

    `name` is its file name, `unreadable` counts the lookups that met a damaged record.
    """

    def __init__(self, opened: PrivateReader, name: str, sha256: str, content: bytes = b"") -> None:
        """Take over an open reader. Raises GeoError when the database has no places.

        `content` is needed where the reader has no memory file.
        """
        self.name = name
        self.sha256 = sha256
        self.unreadable = 0
        self._moving = threading.RLock()
        self._on_disk = False
        self._reader, self._descriptor = opened
        self._closer = weakref.finalize(self, opened.close)
        self._kept = content if self._descriptor is None else b""
        self._place_index: PlaceIndex | None = None
        self._several = False
        self._held: dict[str, bool] = {}
        try:
            self.metadata = _metadata(opened.reader, name)
        except BaseException:
            self.close()
            raise

    @classmethod
    def open(cls, path: Path) -> Database:
        """Read the database at `path`. Raises GeoError with the reason it cannot serve."""
        return cls.copied(memory_copy(path), path)

    @classmethod
    def copied(cls, copy: MemoryCopy | None, path: Path) -> Database:
        """Take over a copy of the database at `path`, which is read where there is none.

        Raises GeoError as `open` does.
        """
        taken_over = cls.sealed(copy, path.name) if copy is not None else None
        return taken_over or cls.of(read_file(path), path.name)

    @classmethod
    def sealed(cls, copy: MemoryCopy, name: str) -> Database | None:
        """Take over a copy; None where there is no /proc to open it by. Raises GeoError."""
        descriptor, sha256 = copy
        try:
            with _mapped(descriptor) as content:
                _check_metadata(content, name)
        except BaseException:
            os.close(descriptor)
            raise
        with _undamaged(name):
            opened = open_sealed(descriptor)
        return cls(opened, name, sha256) if opened is not None else None

    @classmethod
    def of(cls, content: bytes, name: str) -> Database:
        """Read the database in `content`. Raises GeoError when it is not one with places."""
        return cls(_open(content, name), name, hashlib.sha256(content).hexdigest(), content)

    @classmethod
    def shared(cls, shared_path: str, name: str, sha256: str) -> Database | None:
        """The copy that another process holds at its `shared_path`, with no memory of our own.

        None when it is gone, is not ours to read, or is not the bytes with that SHA-256.
        """
        opened = open_shared(shared_path, sha256)
        return cls(opened, name, sha256) if opened else None

    @property
    def places(self) -> bool:
        """Whether its records say where networks are."""
        return self.metadata.layout is not Layout.ASN

    @property
    def asns(self) -> bool:
        """Whether its records may tell autonomous systems."""
        return may_have_asns(self.metadata.layout)

    @property
    def tells_asns(self) -> bool:
        """Whether some record does: of those that also tell places, where one has such a key."""
        return self.asns and (not self.places or self.holds_text("asn"))

    def locate(self, address: int, bits: Bits) -> Located:
        """Where an address is. A record that cannot be read is counted, and is no place."""
        if bits == 128 and self.metadata.ip_version == 4:
            return Located(None, 0)
        host = IPv4Address(address) if bits == 32 else IPv6Address(address)
        reader = self._reader
        try:
            record, length = reader.get_with_prefix_len(host)
        except (*UNREADABLE, OSError):
            if reader is not self._reader:  # it was closed meanwhile
                return self.locate(address, bits)
            # The network's length is lost with the record; one address is always safe.
            self.unreadable += 1
            return Located(None, bits)
        if record is None:
            return Located(None, length)
        try:
            return Located(read_place(self.metadata.layout, record, self.name), length)
        except ValueError:
            self.unreadable += 1
            return Located(None, length)

    def place_index(self, meter: Meter | None = None) -> PlaceIndex:
        """All its places, by the native library, which checks the whole of it the first time.

        Raises GeoError: the database, what is wrong, the hint.
        """
        known = self._place_index
        if known is None:
            with self.lend() as content:
                try:
                    known = PlaceIndex(content, countries(), meter)
                except GeoError as error:
                    raise GeoError(
                        f"{self.name}: {error}; get the file again, or name another"
                    ) from error
            self._place_index = known
        if self._several:
            known.keep_paths()
        return known

    def expect_maps(self) -> None:
        """Have the next maps be compiled of what the first finds in the tree, until `rest`."""
        self._several = True

    def rest(self) -> None:
        """Drop what only compiling needs, where it is large: it is read again when it is asked for.

        Of a city database it is as large as a map, and reading it takes half a second of CPU.
        """
        known, several, self._several = self._place_index, self._several, False
        if known is not None and (several or known.octets > _LARGE_INDEX):
            self._place_index = None

    def leave_memory(self, copy: Path) -> None:
        """Read from `copy` from now on, where that has the same octets: there is one copy the less.

        Places are found all the while; whoever is lent the octets has them in memory again. Blocks.
        """
        with self._moving:
            if self._descriptor is None or self._on_disk:
                return
            if (opened := open_on_disk(copy, self.sha256)) is not None:
                self._take(opened, on_disk=True)

    def return_to_memory(self) -> None:
        """Have a copy in memory again. Blocks; raises GeoError where the disk does not give it."""
        with self._moving:
            if not self._on_disk:
                return
            descriptor = memory_file(self.name)
            assert descriptor is not None, "it was in memory before"
            try:
                same = copy_kept(
                    Path(f"/proc/self/fd/{self._descriptor}"), MAX_DATABASE, descriptor
                )
                if same != self.sha256:
                    raise GeoError(f"{self.name}: what was kept of it is damaged; get it again")
            except OSError as error:
                os.close(descriptor)
                raise GeoError(f"{self.name}: what was kept of it: {error.strerror}") from error
            except BaseException:
                os.close(descriptor)
                raise
            opened = open_sealed(descriptor)
            assert opened is not None, "it was opened so before"
            self._take(opened, on_disk=False)

    def _take(self, opened: PrivateReader, *, on_disk: bool) -> None:
        """Read from what was opened from now on; look-ups that are under way are done anew."""
        close_former = self._closer
        self._reader, self._descriptor = opened
        self._closer = weakref.finalize(self, opened.close)
        self._on_disk = on_disk
        close_former()

    @contextmanager
    def lend(self) -> Iterator[Content]:
        """Its octets, mapped while the native library reads them. Raises GeoError; see
        `return_to_memory`."""
        with self._moving:
            self.return_to_memory()
            if self._descriptor is None:
                lent: Content = self._kept
            else:
                lent = mmap.mmap(self._descriptor, 0, access=mmap.ACCESS_COPY)
        if isinstance(lent, bytes):
            yield lent
            return
        with lent:
            yield lent

    def holds_text(self, text: str) -> bool:
        """Whether `text`, of 1 to 28 octets, is a key or value of any record, or perhaps not.

        Each value is written at least once, as its type and length in one octet and its octets
        (MaxMind DB file format, "Output Data Section").
        """
        if text not in self._held:
            octets = text.encode()
            tree = self.metadata.node_count * self.metadata.record_size // 4
            with self.lend() as content:
                written = bytes([_UTF8 | len(octets)]) + octets
                self._held[text] = content.find(written, tree) >= 0
        return self._held[text]

    @property
    def shared_path(self) -> str | None:
        """Where other processes of this user can read this very copy, while it is open."""
        if self._descriptor is None:
            return None
        return f"/proc/{os.getpid()}/fd/{self._descriptor}"

    def close(self) -> None:
        """Give the copy's memory back; dropping the last reference does the same."""
        self._closer()


def read_file(path: Path) -> bytes:
    """The bytes of a file. Raises GeoError when it cannot be read, or is over 2 GiB."""
    with readable(path):
        return octets_of(path, MAX_DATABASE)


@contextmanager
def _mapped(descriptor: int) -> Iterator[Content]:
    if os.fstat(descriptor).st_size == 0:  # which cannot be mapped
        yield b""
        return
    with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as content:
        yield content


def _open(content: bytes, name: str) -> PrivateReader:
    _check_metadata(content, name)
    with _undamaged(name):
        return open_private(content, name)


def _check_metadata(content: Content, name: str) -> None:
    """Raises GeoError where the octets at the end are none of a database."""
    marker = content.rfind(METADATA_MARKER, max(0, len(content) - _MAX_METADATA))
    if marker < 0:
        start = content[:40].decode("ascii", "replace").split("\n")[0]
        raise GeoError(
            f"{name}: no MaxMind DB metadata at its end ({len(content)} bytes, beginning "
            f"{start!r}): it is truncated, or not a database; get it again"
        )
    with _undamaged(name):
        check_values(content[marker + len(METADATA_MARKER) :], [0], lambda fraction: None)


@contextmanager
def _undamaged(name: str) -> Iterator[None]:
    try:
        yield
    except (GeoError, *_DAMAGE) as error:
        raise _damaged(name, error) from error


def _metadata(reader: maxminddb.Reader, name: str) -> Metadata:
    try:
        said = reader.metadata()
    except _DAMAGE as error:
        raise _damaged(name, error) from error
    numbers = (said.build_epoch, said.ip_version, said.node_count, said.record_size)
    if not isinstance(said.database_type, str) or not all(isinstance(n, int) for n in numbers):
        raise GeoError(f"{name}: its metadata has values of the wrong type; get the file again")
    if said.ip_version not in (4, 6) or said.record_size not in (24, 28, 32):
        raise GeoError(
            f"{name}: IP version {said.ip_version} and record size {said.record_size} are not "
            "of the MaxMind DB format 2.0; get the file again"
        )
    layout = layout_of(said.database_type)
    if layout is None:
        raise GeoError(
            f'{name}: a database of type "{said.database_type}" has no places; '
            f"name one of these: {READABLE}"
        )
    return Metadata(said.database_type, layout, *numbers)


def _damaged(name: str, error: Exception) -> GeoError:
    return GeoError(
        f"{name}: its metadata or search tree is damaged ({type(error).__name__}); "
        "get the file again"
    )
