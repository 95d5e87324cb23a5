"""What a DYNA name is answered with for one type, and what bounds the TTL of that; pure.

Asked for every packet by the reference engine, and by `explain` for what it prints: reasons are
constants that stand beside what they explain, so that they cost a packet nothing.
"""

from __future__ import annotations

from typing import Literal

from resolverd.dns.codes import A
from resolverd.dns.writer import RRsetWire
from resolverd.snapshot.model import CachedAnswer, Dyna, ZonePlan

Kind = Literal["addresses", "alias", "negative", "servfail", "refused"]
Ceiling = Literal["steering", "dyna", "source", "negative"]
"""What a TTL is the least of: the Steering's own, the DYNA record's, what the source of a
hostname's addresses leaves, and the zone's negative TTL."""
Reply = tuple[Kind, RRsetWire | None, int, Ceiling]
"""The kind, the RRset of addresses or of an alias, the TTL in seconds, and what bounded it.

A tuple without names, since one is made for each packet."""


def reply_of(cached: CachedAnswer, dyna: Dyna, zone: ZonePlan, qtype: int) -> Reply:
    """What `cached` comes to for `qtype`: A or AAAA, or any where an alias is answered."""
    ttl: int = cached.ttl
    ceiling: Ceiling = "steering"
    if dyna.ttl < ttl:
        ttl, ceiling = dyna.ttl, "dyna"
    records = cached.records
    if records is not None:
        if records.cname is not None:
            return "alias", records.cname, ttl, ceiling
        rrset, source = (
            (records.a, records.a_ttl) if qtype == A else (records.aaaa, records.aaaa_ttl)
        )
        if source is not None and source < ttl:
            ttl, ceiling = source, "source"
        if rrset is not None:
            return "addresses", rrset, ttl, ceiling
    elif cached.no_region == "servfail" or cached.no_region == "refused":
        return cached.no_region, None, ttl, ceiling
    elif cached.no_region == "cname" and zone.no_region is not None:
        return "alias", zone.no_region, ttl, ceiling
    if zone.negative_ttl < ttl:
        ttl, ceiling = zone.negative_ttl, "negative"
    return "negative", None, ttl, ceiling
