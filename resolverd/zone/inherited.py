"""What an entry of a master file inherits from those before it (RFC 1035 §5.1)."""

from __future__ import annotations

from dataclasses import dataclass, field

import dns.name
import dns.rdtypes.ANY.SOA

from resolverd.dns.names import Key
from resolverd.zone.record import MAX_TTL, EntryError, RecordFields
from resolverd.zone.source import SourceFile

_SOA_MINIMUM = 6


@dataclass(slots=True)
class Ttls:
    """The TTLs, in seconds, that a record may inherit; a file and all that it includes share them.

    `default` is what $TTL says (RFC 2308 §4), or the minimum of an SOA that has no TTL itself;
    `last` is the TTL of the last record that has one (RFC 1035 §5.1).
    """

    default: int | None = None
    last: int | None = None

    def of(self, fields: RecordFields, source: SourceFile, start: int) -> int:
        """The TTL of a record, its own or one that it inherits; the record begins at `start`.

        Raises EntryError.
        """
        ttl = fields.ttl
        if ttl is None:
            ttl = self.last if self.default is None else self.default
        if ttl is None and isinstance(fields.rdata, dns.rdtypes.ANY.SOA.SOA):
            ttl = self.default = _minimum(fields.rdata, source, start)
        if ttl is None:
            raise EntryError(
                "zone-missing-ttl",
                source.fields(start).rdtype or start,
                "the record has no TTL, and none comes before it",
                "write $TTL 3600 above the first record",
            )
        return ttl


def _minimum(soa: dns.rdtypes.ANY.SOA.SOA, source: SourceFile, start: int) -> int:
    """The last number of an SOA, where it is the TTL of all records without one."""
    if soa.minimum <= MAX_TTL:
        return soa.minimum
    fields = source.fields(start)
    place = next(iter(fields.rdata[_SOA_MINIMUM:]), fields.rdtype)
    raise EntryError(
        "zone-bad-ttl",
        start if place is None else place,
        f"a TTL of {soa.minimum} is over {MAX_TTL} (RFC 2181 §8), and the minimum is the TTL here",
        "write 300, and $TTL 3600 above the first record",
    )


@dataclass
class Inherited:
    """What an entry inherits from those before it in its file.

    An include starts from a copy of the origin and owner, which end with it (RFC 1035 §5.1);
    its TTLs go on after it, as BIND and NSD have it (in Knot they end with it too). `owner` is None
    before the first. `owner_unknown`: an error hides which owner a blank one repeats;
    `origin_unknown`: an error hides the origin. Records read while either holds are lost.
    """

    origin: dns.name.Name
    owner: dns.name.Name | None = None
    key: Key | None = None
    owner_unknown: bool = False
    origin_unknown: bool = False
    ttls: Ttls = field(default_factory=Ttls)

    def update(self, fields: RecordFields) -> None:
        """Keep what records after this one may leave out."""
        if fields.owner is not None:
            self.owner, self.key, self.owner_unknown = fields.owner, fields.key, False
        if fields.ttl is not None:
            self.ttls.last = fields.ttl
