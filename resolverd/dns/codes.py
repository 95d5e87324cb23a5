"""Numbers of the IANA DNS registries that the code speaks of by name.

RR types (RFC 1035 and later), RCODEs (RFC 6895 §2.3), and the one class served.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

A: Final = 1
NS: Final = 2
CNAME: Final = 5
SOA: Final = 6
PTR: Final = 12
HINFO: Final = 13
MX: Final = 15
TXT: Final = 16
AAAA: Final = 28
DNAME: Final = 39
OPT: Final = 41
DS: Final = 43
IXFR: Final = 251
AXFR: Final = 252
ANY: Final = 255

TYPE_NAMES: Final[Mapping[int, str]] = {
    A: "A",
    NS: "NS",
    CNAME: "CNAME",
    SOA: "SOA",
    PTR: "PTR",
    HINFO: "HINFO",
    MX: "MX",
    TXT: "TXT",
    AAAA: "AAAA",
    33: "SRV",
    35: "NAPTR",
    DNAME: "DNAME",
    OPT: "OPT",
    DS: "DS",
    46: "RRSIG",
    48: "DNSKEY",
    52: "TLSA",
    64: "SVCB",
    65: "HTTPS",
    99: "SPF",
    IXFR: "IXFR",
    AXFR: "AXFR",
    ANY: "ANY",
    257: "CAA",
}
"""The types that are told apart in counts and logs; the others together are "other"."""

NOERROR: Final = 0
FORMERR: Final = 1
SERVFAIL: Final = 2
NXDOMAIN: Final = 3
NOTIMP: Final = 4
REFUSED: Final = 5
YXDOMAIN: Final = 6
BADVERS: Final = 16

RCODE_NAMES: Final[Mapping[int, str]] = {
    NOERROR: "NOERROR",
    FORMERR: "FORMERR",
    SERVFAIL: "SERVFAIL",
    NXDOMAIN: "NXDOMAIN",
    NOTIMP: "NOTIMP",
    REFUSED: "REFUSED",
    YXDOMAIN: "YXDOMAIN",
    BADVERS: "BADVERS",
}

CLASS_IN: Final = 1
