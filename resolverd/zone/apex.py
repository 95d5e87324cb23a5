"""Which zone a parsed file is: its SOA's owner is the apex (RFC 1034 §4.2.1).

BIND writes zones relative to the root: the first `$ORIGIN` of such a file is a dot, and its SOA
alone says which zone it is.
"""

from __future__ import annotations

import dns.exception
import dns.name

from resolverd.zone.parsed import ParsedZone


def find_apex(parsed: ParsedZone) -> dns.name.Name | None:
    """The apex, or None where no SOA says it.

    An SOA at the file's origin goes before the first; one whose owner is that origin twice has
    merely lost its final dot, and says nothing.
    """
    owners = [record.owner for record in parsed.soas]
    if parsed.origin is None or not owners or parsed.origin in owners:
        return parsed.origin if owners else None
    first = owners[0]
    return None if first == _twice(parsed.origin) else first


def _twice(name: dns.name.Name) -> dns.name.Name | None:
    try:
        return dns.name.Name((*name.labels[:-1], *name.labels))
    except dns.exception.DNSException:
        return None
