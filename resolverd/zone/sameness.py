"""Which records of an RRset say the same (RFC 2181 §5), and so are one.

dnspython compares and hashes RDATA by its octets, which are written anew each time. The types that
zones are made of are told apart by what their octets are made of.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import dns.rdata
import dns.rdtypes.IN.A
import dns.rdtypes.nsbase
from dns.rdatatype import CNAME, NS, PTR, A

from resolverd.dns.names import key_of

_NAMES = frozenset((NS, CNAME, PTR))


def likeness(rdata: dns.rdata.Rdata) -> object:
    """What is equal, and has one hash, for records of one type that say the same."""
    if rdata.rdtype == A:
        return cast(dns.rdtypes.IN.A.A, rdata).address
    if rdata.rdtype in _NAMES:
        return key_of(cast(dns.rdtypes.nsbase.NSBase, rdata).target)
    return rdata


def distinct(rdatas: Iterable[dns.rdata.Rdata]) -> tuple[dns.rdata.Rdata, ...]:
    """Records of one type, each once, as it was first written."""
    found: dict[object, dns.rdata.Rdata] = {}
    for rdata in rdatas:
        found.setdefault(likeness(rdata), rdata)
    return tuple(found.values())
