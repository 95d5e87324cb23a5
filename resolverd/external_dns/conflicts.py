"""What external-dns may not have: names outside its zone, and those that the operator has; pure.

What an operator wrote is never hidden or taken away, and no RRset of it added to. That is more than
the RRsets: an address beside one of the other family draws a share of the clients, a delegation
takes away all names below it, and any name below a wildcard takes itself out of what the wildcard
answers (RFC 4592 §3.3.1). The last is how exceptions to a wildcard are written, so that it holds
for steered ones alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from dns.rdatatype import AAAA, CNAME, DNAME, NS, A, RdataType

from resolverd.dns.names import WILDCARD, Key, ancestors, closest_encloser, key_of, to_text
from resolverd.external_dns.by_hand import NamesByHand
from resolverd.external_dns.endpoint import Endpoint
from resolverd.external_dns.records import is_ownership, owner_of, rdatas_of
from resolverd.zone.dyna import DYNA

# What says where a name leads: of these a name has the operator's alone, or external-dns's.
_LEADING = frozenset({A, AAAA, CNAME, NS, DYNA})
_ADDRESSES = ("A", "AAAA")


def conflict(endpoint: Endpoint, own: NamesByHand) -> str:
    """Why it cannot be kept in this zone, which its name is in; empty where it can.

    Raises RecordError.
    """
    rdatas_of(endpoint)
    return at_odds(endpoint, own)


def at_odds(endpoint: Endpoint, own: NamesByHand) -> str:
    """As `conflict`, of an endpoint of which records can be made."""
    key = key_of(owner_of(endpoint))
    return (
        _cut_above(key, own)
        or _beside(endpoint, key, own)
        or (_taken_away(key, own) if endpoint.type == "NS" else "")
        or _serving(endpoint, key, own)
        or _steered(key, own)
    )


def outside(endpoint: Endpoint, zones: Sequence[str]) -> str:
    """That it is in none of the zones, and what to write where the TXT registry brought that about.

    The registry puts its record of a zone's own name beside the zone, unless it is told otherwise.
    """
    reason = f"it is outside {' and '.join(zones)}"
    if not is_ownership(endpoint):
        return reason
    return f"{reason}: give external-dns --txt-prefix=%{{record_type}}-owner. with the dot"


def _cut_above(key: Key, own: NamesByHand) -> str:
    """That the name belongs to another zone, or is an alias by a DNAME above it."""
    apex = key_of(own.origin)
    for ancestor in ancestors(key):
        found = own.at(ancestor)
        if ancestor in own.children:
            return f"{_plain(ancestor)} is a zone of its own here"
        if (NS in found and ancestor != apex) or (DNAME in found and ancestor != key):
            return f"{_plain(ancestor)} is delegated, or an alias of all names below it"
        if ancestor == apex:
            break
    return ""


def _beside(endpoint: Endpoint, key: Key, own: NamesByHand) -> str:
    """What of the operator's own at the same name stands in its way."""
    found = frozenset(own.at(key))
    if endpoint.type in map(RdataType.to_text, found):
        return f"the zone has {endpoint.type} records of that name, written by hand"
    if endpoint.type in ("CNAME", "NS"):  # which hide all else
        in_the_way = found
    elif endpoint.type in _ADDRESSES:
        # At the apex an NS delegates nothing.
        in_the_way = found & _LEADING - ({NS} if key == key_of(own.origin) else set())
    else:
        in_the_way = found & {CNAME}
    if DYNA in found and in_the_way:
        answered = ", with a CNAME" if CNAME in found else ""
        return f"a DYNA written by hand steers that name{answered}"
    types = ", ".join(map(RdataType.to_text, sorted(in_the_way)))
    return f"the zone has {types} of that name, written by hand" if types else ""


def _taken_away(key: Key, own: NamesByHand) -> str:
    """What of the operator's a delegation at the name would take away."""
    below = own.existing.get(key)
    return f"it would take away {_plain(below)}, written by hand" if below is not None else ""


def _serving(endpoint: Endpoint, key: Key, own: NamesByHand) -> str:
    """That it would answer for a name server of the zone, which a wildcard gives its addresses."""
    if endpoint.type in _ADDRESSES:
        found = key if key in own.servers else None
    elif endpoint.type == "NS":
        found = next((server for server in own.servers if key in ancestors(server)), None)
    else:
        found = None
    return f"{_plain(found)} is a name server of the zone" if found is not None else ""


def _steered(key: Key, own: NamesByHand) -> str:
    """The DYNA that steers the name by a wildcard, as long as the name itself does not exist."""
    if key in own.existing:
        return ""
    wildcard = WILDCARD + closest_encloser(key, own.existing)
    return f"{_plain(wildcard)}, written by hand, steers it" if DYNA in own.at(wildcard) else ""


def _plain(key: Key) -> str:
    return to_text(key).removesuffix(".")
