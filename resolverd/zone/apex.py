"""Which name a draft is the zone of: its SOA's owner (RFC 1034 §4.2.1).

BIND writes zones relative to the root: the first `$ORIGIN` of such a file is a dot, and its SOA
alone says which zone it is.
"""

from __future__ import annotations

import dns.exception
import dns.name
from dns.rdatatype import SOA

from resolverd.zone.draft import Draft


def find_apex(draft: Draft) -> dns.name.Name | None:
    """The apex, or None where no SOA tells.

    An SOA at the draft's origin goes before the first; one whose owner is that origin twice has
    merely lost its final dot, and tells nothing.
    """
    owners = [record.owner for record in draft.records if record.rdata.rdtype == SOA]
    if draft.origin is None or not owners or draft.origin in owners:
        return draft.origin if owners else None
    first = owners[0]
    return None if first == _twice(draft.origin) else first


def _twice(name: dns.name.Name) -> dns.name.Name | None:
    try:
        return dns.name.Name((*name.labels[:-1], *name.labels))
    except dns.exception.DNSException:
        return None
