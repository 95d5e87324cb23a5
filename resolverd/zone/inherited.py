"""What an entry of a master file inherits from those before it (RFC 1035 §5.1)."""

from __future__ import annotations

from dataclasses import dataclass, field

import dns.name

from resolverd.dns.names import Key
from resolverd.zone.record import RecordFields


@dataclass(slots=True)
class Ttls:
    """The TTLs, in seconds, that a record may inherit; a file and all that it includes share them.

    `default` is what $TTL says (RFC 2308 §4), or the minimum of an SOA that has no TTL itself;
    `last` is the TTL of the last record that has one (RFC 1035 §5.1).
    """

    default: int | None = None
    last: int | None = None


@dataclass
class Inherited:
    """What an entry inherits from those before it in its file.

    An include starts from a copy of the origin and owner, which end with it (RFC 1035 §5.1);
    its TTLs go on after it, as BIND, NSD and Knot have it. `owner` is None before the first.
    `owner_unknown`: an error hides which owner a blank one repeats; `origin_unknown`: an error
    hides the origin. Records read while either holds are lost.
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
