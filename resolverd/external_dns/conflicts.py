"""What external-dns may not have: names outside its zone, and those that the operator has; pure.

What an operator wrote is never added to, hidden or taken away.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from dns.name import Name
from dns.rdatatype import CNAME, DNAME, NS, RdataType

from resolverd.dns.names import Key, ancestors, key_of, to_text
from resolverd.external_dns.endpoint import Endpoint
from resolverd.external_dns.records import owner_of, rdatas_of
from resolverd.zone.dyna import DYNA

# What a DYNA cannot stand beside, since its service gives it.
_STEERED = ("A", "AAAA", "CNAME")


@dataclass(frozen=True, slots=True)
class OwnNames:
    """The zone at `origin` without external-dns's records: the types that each name has."""

    origin: Name
    types: Mapping[Key, Collection[RdataType]]

    def at(self, key: Key) -> Collection[RdataType]:
        """The types that a name has; none of one that is not there."""
        return self.types.get(key, ())


def conflict(endpoint: Endpoint, own: OwnNames) -> str:
    """Why it cannot be kept in this zone; empty where it can. Raises RecordError."""
    rdatas_of(endpoint)
    owner = owner_of(endpoint)
    if cut := _cut_above(owner, own):
        return f"{cut} is delegated, or an alias of all names below it"
    return _beside(endpoint, own.at(key_of(owner)))


def outside(endpoint: Endpoint, zones: Sequence[str]) -> str:
    """That it is in none of the zones, and what to write where the TXT registry brought that about.

    The registry puts its record of a zone's own name beside the zone, unless it is told otherwise.
    """
    reason = f"it is outside {' and '.join(zones)}"
    if endpoint.type != "TXT" or not any("heritage=" in target for target in endpoint.targets):
        return reason
    return f"{reason}: give external-dns --txt-prefix=%{{record_type}}-owner. with the dot"


def _beside(endpoint: Endpoint, found: Collection[RdataType]) -> str:
    """What of the operator's own at the same name stands in its way."""
    types = {rdtype: RdataType.to_text(rdtype) for rdtype in found}
    if endpoint.type in types.values():
        return f"the zone has {endpoint.type} records of that name, written by hand"
    if DYNA in types and endpoint.type in _STEERED:
        return "a DYNA written by hand steers that name"
    if CNAME in types:
        return "the zone has a CNAME of that name, written by hand"
    if endpoint.type == "CNAME" and types:
        return f"the zone has {', '.join(sorted(types.values()))} of that name, written by hand"
    return ""


def _cut_above(owner: Name, own: OwnNames) -> str:
    """The name that a delegation or DNAME above the owner, or a delegation at it, stands at."""
    key, apex = key_of(owner), key_of(own.origin)
    for ancestor in ancestors(key):
        if ancestor == apex:
            break
        found = own.at(ancestor)
        if NS in found or (DNAME in found and ancestor != key):
            return to_text(ancestor).removesuffix(".")
    return _plain(own.origin) if DNAME in own.at(apex) and key != apex else ""


def _plain(name: Name) -> str:
    return name.to_text(omit_final_dot=True)
