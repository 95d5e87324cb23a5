"""The lines that large zones, and many small ones, are made of, each read by one expression.

A tenth of the time that the grammar takes. It reads an A, AAAA or CNAME record on one line, in
the plainest spelling, or one that each zone has, SOA, NS or DYNA, and no other: what it does not
know is left to `record`, which says what is wrong with it, too.
"""

from __future__ import annotations

import re

import dns.exception
import dns.rdata
import dns.rdatatype
import dns.rdtypes.ANY.CNAME
import dns.rdtypes.ANY.NS
import dns.rdtypes.ANY.SOA
import dns.rdtypes.IN.A
import dns.rdtypes.IN.AAAA
from dns.name import Name
from dns.rdataclass import IN
from dns.rdatatype import AAAA, CNAME, NS, SOA, A

from resolverd.zone.dyna import DYNA, Dyna
from resolverd.zone.lexer import PLAIN_NAME, plain_name
from resolverd.zone.record import RecordFields

_LINE = re.compile(
    rf"({PLAIN_NAME})?[ \t]++(?:([0-9]{{1,9}})[ \t]++)?(?:IN[ \t]++)?"
    rf"(?:A[ \t]++([0-9.]++)|AAAA[ \t]++([0-9A-Fa-f:.]++)|CNAME[ \t]++({PLAIN_NAME}))[ \t]*+\n"
)
_NUMBER = r"[ \t]++([0-9]{1,9})"
_OF_A_ZONE = re.compile(
    rf"(@|{PLAIN_NAME})?[ \t]++(?:([0-9]{{1,9}})[ \t]++)?(?:IN[ \t]++)?"
    rf"(?:NS[ \t]++({PLAIN_NAME})|DYNA[ \t]++([A-Za-z0-9_./-]++)"
    rf"|SOA[ \t]++({PLAIN_NAME})[ \t]++({PLAIN_NAME})[ \t]++([0-9]{{1,10}}){4 * _NUMBER})"
    r"[ \t]*+\n"
)


def read_fast(line: str, origin: Name) -> RecordFields | None:
    """The record of a line with its newline; None where it is another kind, or not right."""
    match = _LINE.fullmatch(line) or _OF_A_ZONE.fullmatch(line)
    if match is None:
        return None
    owner, ttl, *data = match.groups()
    try:
        fields = RecordFields(blank=owner is None, ttl=None if ttl is None else int(ttl))
        if owner is not None:
            fields.set_owner(origin if owner == "@" else plain_name(owner, origin))
        read = _data if match.re is _LINE else _data_of_a_zone
        fields.rdtype, fields.rdata = read(origin, *data)
    except (dns.exception.DNSException, ValueError):
        return None
    return fields


def _data(
    origin: Name, a: str | None = None, aaaa: str | None = None, target: str | None = None
) -> tuple[dns.rdatatype.RdataType, dns.rdata.Rdata]:
    if a is not None:
        return A, dns.rdtypes.IN.A.A(IN, A, a)  # type: ignore[no-untyped-call]
    if aaaa is not None:
        return AAAA, dns.rdtypes.IN.AAAA.AAAA(IN, AAAA, aaaa)  # type: ignore[no-untyped-call]
    alias = dns.rdtypes.ANY.CNAME.CNAME(IN, CNAME, plain_name(target or "", origin))  # type: ignore[no-untyped-call]
    return CNAME, alias


def _data_of_a_zone(
    origin: Name, server: str | None = None, service: str | None = None, *soa: str
) -> tuple[dns.rdatatype.RdataType, dns.rdata.Rdata]:
    if server is not None:
        return NS, dns.rdtypes.ANY.NS.NS(IN, NS, plain_name(server, origin))  # type: ignore[no-untyped-call]
    if service is not None:
        return DYNA, Dyna(IN, DYNA, service)
    names = [plain_name(name, origin) for name in soa[:2]]
    numbers = map(int, soa[2:])
    return SOA, dns.rdtypes.ANY.SOA.SOA(IN, SOA, *names, *numbers)  # type: ignore[no-untyped-call]
