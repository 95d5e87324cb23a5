"""Lines that many small zones have alike, such as those of their name servers, each read once.

What a common line says depends on its text and on the origin alone. So a load of many files
remembers what each text was found to say in any zone, and under an origin makes a record of it by
what is left: names that are relative. `fast_path` reads the line, and what that does not know is
no known line either.
"""

from __future__ import annotations

import dns.exception
import dns.rdata
import dns.rdatatype
from dns.name import Name, root

from resolverd.dns.limits import MAX_NAME
from resolverd.dns.names import LENGTHS, ROOT, Key, key_of
from resolverd.zone.fast_path import Reader, any_relative, match_common
from resolverd.zone.inherited import Inherited
from resolverd.zone.lexer import unchecked_name
from resolverd.zone.parsed import Record
from resolverd.zone.source import SourceFile

_MOST = 4096
"""Lines that are remembered at a time; each costs some 500 octets."""


class KnownLine:
    """What a line says in any zone.

    `labels` are the owner's as written, None where the line repeats the one before it. `rdata` is
    None where it depends on the origin.
    """

    __slots__ = ("_data", "_front", "_read", "_whole", "labels", "rdata", "ttl")

    def __init__(
        self, owner: str | None, ttl: int | None, read: Reader, data: tuple[str | None, ...]
    ) -> None:
        """Raises dnspython's exceptions, or ValueError, where the line is not right anywhere."""
        self.ttl = ttl
        self.labels: tuple[bytes, ...] | None = None
        if owner is not None:
            self.labels = () if owner == "@" else tuple(owner.encode("ascii").split(b"."))
        labels = self.labels or ()
        self._whole = labels[-1:] == (b"",)
        self._front = b"".join([LENGTHS[len(label)] + label for label in labels]).lower()
        self._read, self._data = read, data
        self.rdata: dns.rdata.Rdata | None = None
        if not any_relative(read, data):
            self.rdata = read(root, *data)[1]

    def owner(self, origin: Name, key_of_origin: Key) -> tuple[Name | None, Key]:
        """The owner's name and key under `origin`, of a line that names one; None: too long."""
        labels = self.labels
        if not labels:
            return origin, key_of_origin
        key = self._front if self._whole else self._front + key_of_origin
        if len(key) > MAX_NAME:
            return None, key
        return unchecked_name(labels if self._whole else labels + origin.labels), key

    def read(self, origin: Name) -> dns.rdata.Rdata | None:
        """The RDATA under `origin`; None where a name in it is too long."""
        if self.rdata is not None:
            return self.rdata
        try:
            return self._read(origin, *self._data)[1]
        except (dns.exception.DNSException, ValueError):
            return None


class KnownLines:
    """The lines of small files that one load has met."""

    def __init__(self) -> None:
        self._known: dict[str, KnownLine | None] = {}
        self._origin, self._key_of_origin = root, ROOT

    def record(
        self, line: str, source: SourceFile, start: int, inherited: Inherited
    ) -> Record | None:
        """The record of a line with its newline, of `source` at `start`.

        It inherits from those before it, and those after it from it. None where it is not a common
        line, is not right, or lacks what it would inherit: nothing has changed then.
        """
        known = self._find(line)
        if known is None or inherited.origin_unknown:
            return None
        ttl, ttls, origin = known.ttl, inherited.ttls, inherited.origin
        if ttl is None:
            ttl = ttls.last if ttls.default is None else ttls.default
        if origin is not self._origin:
            self._origin, self._key_of_origin = origin, key_of(origin)
        owner, key = inherited.owner, inherited.key
        if known.labels is not None:
            owner, key = known.owner(origin, self._key_of_origin)
        elif inherited.owner_unknown:
            return None
        rdata = known.read(origin)
        if ttl is None or owner is None or key is None or rdata is None:
            return None
        if known.labels is not None:
            inherited.owner, inherited.key, inherited.owner_unknown = owner, key, False
        if known.ttl is not None:
            ttls.last = ttl
        return Record(owner, key, ttl, rdata, source, start)

    def _find(self, line: str) -> KnownLine | None:
        try:
            return self._known[line]
        except KeyError:
            if len(self._known) >= _MOST:
                self._known.clear()
            known = self._known[line] = _known(line)
            return known


def _known(line: str) -> KnownLine | None:
    match = match_common(line)
    if match is None:
        return None
    owner, ttl, read, data = match
    try:
        return KnownLine(owner, ttl, read, tuple(data))
    except (dns.exception.DNSException, ValueError):
        return None
