"""The RR types whose RDATA points to a host, one row a type: all that the checks of them need.

To add one is to add a row here, and its number in the table of RR types if it is to be counted by
name. Whether a name in RDATA may be compressed is another matter: RFC 3597 §4 closed that list.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from dns.rdatatype import CNAME, DNAME, HTTPS, MX, NAPTR, NS, SRV, SVCB, RdataType


class Target(NamedTuple):
    """How a type points: `attribute` is dnspython's, `field` the place in RDATA from 0.

    `addressed`: the target must have addresses of its own, and be no alias (RFC 2181 §10.3).
    `connected`: clients connect to it, so it may be no host that a pin keeps from them. `example`
    is a record of the type, for whoever wrote one that cannot be read.
    """

    attribute: str
    field: int
    example: str
    addressed: bool = False
    connected: bool = False


TARGETS: Mapping[RdataType, Target] = {
    NS: Target("target", 0, "NS ns1", addressed=True),
    CNAME: Target("target", 0, "CNAME target", connected=True),
    DNAME: Target("target", 0, "DNAME target", connected=True),
    MX: Target("exchange", 1, "MX 10 mail", addressed=True, connected=True),
    SRV: Target("target", 3, "SRV 10 5 5060 target", addressed=True, connected=True),
    NAPTR: Target("replacement", 5, 'NAPTR 100 10 "s" "SIP+D2U" "" _sip._udp', connected=True),
    SVCB: Target("target", 1, "SVCB 1 target port=8000", connected=True),
    HTTPS: Target("target", 1, "HTTPS 1 . alpn=h2,h3", connected=True),
}
