"""The names of a zone that an operator wrote, for what external-dns may not have; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from dns.name import Name
from dns.rdatatype import CNAME, NS, RdataType

from resolverd.dns.names import Key, ancestors, key_of
from resolverd.zone.dyna import DYNA
from resolverd.zone.model import Services
from resolverd.zone.parsed import Record


@dataclass(frozen=True)
class NamesByHand:
    """The zone at `origin` without external-dns's records: the types that each name has.

    Where a DYNA is answered with a CNAME the name has that too. `servers` are the zone's own name
    servers, and `children` the zones below it that are served here.
    """

    origin: Name
    types: Mapping[Key, Collection[RdataType]]
    servers: Collection[Key] = ()
    children: Collection[Key] = ()

    def at(self, key: Key) -> Collection[RdataType]:
        """The types that a name has; none of one that is not there."""
        return self.types.get(key, ())

    @cached_property
    def existing(self) -> Mapping[Key, Key]:
        """Each name that exists (RFC 4592 §2.2.2), and one at or below it that has records."""
        apex = key_of(self.origin)
        found = {apex: apex}
        for key in self.types:
            for name in ancestors(key):
                if name in found:
                    break
                found[name] = key
        return found


def names_by_hand(
    origin: Name, records: Iterable[Record], services: Services, children: Iterable[Name] = ()
) -> NamesByHand:
    """Those of a zone's records by hand; `services` say which DYNA is answered with a CNAME."""
    apex = key_of(origin)
    types: dict[Key, set[RdataType]] = {}
    servers: set[Key] = set()
    for record in records:
        rdata: Any = record.rdata
        found = types.setdefault(record.key, set())
        found.add(rdata.rdtype)
        if rdata.rdtype == DYNA and services.get(rdata.service) == "cname":
            found.add(CNAME)
        elif rdata.rdtype == NS and record.key == apex:
            servers.add(key_of(rdata.target))
    return NamesByHand(origin, types, servers, frozenset(map(key_of, children)))
