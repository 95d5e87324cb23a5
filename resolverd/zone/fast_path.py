"""The lines that large zones, and many small ones, are made of, each read by one expression.

A tenth of the time that the grammar takes. It reads an A, AAAA or CNAME record on one line, in
the plainest spelling, or one that each zone has, SOA, NS or DYNA, and no other: what it does not
know is left to `record`, which says what is wrong with it, too; so are directives in a form of
their own.

RDATA is made without dnspython's constructors, which check again what the expressions have told,
and take most of the time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import dns.exception
import dns.rdata
import dns.rdatatype
import dns.rdtypes.ANY.CNAME
import dns.rdtypes.ANY.NS
import dns.rdtypes.ANY.SOA
import dns.rdtypes.IN.A
import dns.rdtypes.IN.AAAA
from dns.name import Name, root
from dns.rdataclass import IN
from dns.rdatatype import AAAA, CNAME, NS, SOA, A

from resolverd.zone.dyna import DYNA, Dyna
from resolverd.zone.lexer import PLAIN_NAME, plain_name
from resolverd.zone.record import RecordFields

_SERVICE = r"(?=[^ \t\n]{1,255}[ \t\n])[A-Za-z0-9][A-Za-z0-9_.-]*+(?:/core)?"
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_LINE = re.compile(
    rf"({PLAIN_NAME})?[ \t]++(?:([0-9]{{1,9}})[ \t]++)?(?:IN[ \t]++)?"
    rf"(?:A[ \t]++({_OCTET}(?:\.{_OCTET}){{3}})|AAAA[ \t]++([0-9A-Fa-f:.]++)"
    rf"|CNAME[ \t]++({PLAIN_NAME}))[ \t]*+\n"
)
_MAX_SERIAL = 2**32 - 1  # the other numbers of an SOA have nine digits, which are always right
_NUMBER = r"[ \t]++([0-9]{1,9})"
_OF_A_ZONE = re.compile(
    rf"(@|{PLAIN_NAME})?[ \t]++(?:([0-9]{{1,9}})[ \t]++)?(?:IN[ \t]++)?"
    rf"(?:NS[ \t]++({PLAIN_NAME})|DYNA[ \t]++({_SERVICE})"
    rf"|SOA[ \t]++({PLAIN_NAME})[ \t]++({PLAIN_NAME})[ \t]++([0-9]{{1,10}}){4 * _NUMBER})"
    r"[ \t]*+\n"
)

_DIRECTIVE = re.compile(rf"\$(?:TTL[ \t]++([0-9]{{1,9}})|ORIGIN[ \t]++({PLAIN_NAME}))[ \t]*+\n")
# Where names stand among the data of the two expressions.
_TARGET, _SERVER, _SOA_NAMES = 2, 0, slice(2, 4)

Reader = Callable[..., tuple[dns.rdatatype.RdataType, dns.rdata.Rdata]]
"""Reads data under an origin, its first argument. Raises dnspython's exceptions, or ValueError."""
_set = object.__setattr__  # dnspython's own would refuse it


def read_directive(line: str) -> int | Name | None:
    """The seconds of a plain $TTL, or the origin of a plain $ORIGIN that ends in a dot."""
    match = _DIRECTIVE.fullmatch(line)
    if match is None:
        return None
    ttl, origin = match.groups()
    if ttl is not None:
        return int(ttl)
    try:
        return plain_name(origin, root) if origin.endswith(".") else None
    except dns.exception.DNSException:
        return None


def match_common(line: str) -> tuple[str | None, int | None, Reader, Sequence[str | None]] | None:
    """What a line with its newline says: owner and TTL, and what reads its data under an origin.

    None where it is of another kind.
    """
    match = _LINE.fullmatch(line) or _OF_A_ZONE.fullmatch(line)
    if match is None:
        return None
    owner, ttl, *data = match.groups()
    read = _data if match.re is _LINE else _data_of_a_zone
    return owner, None if ttl is None else int(ttl), read, data


def read_fast(line: str, origin: Name) -> RecordFields | None:
    """The record of a line with its newline; None where it is another kind, or not right."""
    match = match_common(line)
    if match is None:
        return None
    owner, ttl, read, data = match
    try:
        fields = RecordFields(blank=owner is None, ttl=ttl)
        if owner is not None:
            fields.set_owner(origin if owner == "@" else plain_name(owner, origin))
        fields.rdtype, fields.rdata = read(origin, *data)
    except (dns.exception.DNSException, ValueError):
        return None
    return fields


def any_relative(read: Reader, data: Sequence[str | None]) -> bool:
    """Whether data that `read` reads has a name that is relative to the origin."""
    names = data[_TARGET:] if read is _data else (data[_SERVER], *data[_SOA_NAMES])
    return any(name is not None and not name.endswith(".") for name in names)


def _data(
    origin: Name, a: str | None = None, aaaa: str | None = None, target: str | None = None
) -> tuple[dns.rdatatype.RdataType, dns.rdata.Rdata]:
    if a is not None:
        return A, rdata_of(dns.rdtypes.IN.A.A, A, address=a)
    if aaaa is not None:
        return AAAA, dns.rdtypes.IN.AAAA.AAAA(IN, AAAA, aaaa)  # type: ignore[no-untyped-call]
    name = plain_name(target or "", origin)
    return CNAME, rdata_of(dns.rdtypes.ANY.CNAME.CNAME, CNAME, target=name)


def _data_of_a_zone(
    origin: Name, server: str | None = None, service: str | None = None, *soa: str
) -> tuple[dns.rdatatype.RdataType, dns.rdata.Rdata]:
    if server is not None:
        return NS, rdata_of(dns.rdtypes.ANY.NS.NS, NS, target=plain_name(server, origin))
    if service is not None:
        return DYNA, rdata_of(Dyna, DYNA, service=service)
    mname, rname = (plain_name(name, origin) for name in soa[:2])
    serial, refresh, retry, expire, minimum = map(int, soa[2:])
    if serial > _MAX_SERIAL:
        raise ValueError
    return SOA, rdata_of(
        dns.rdtypes.ANY.SOA.SOA,
        SOA,
        mname=mname,
        rname=rname,
        serial=serial,
        refresh=refresh,
        retry=retry,
        expire=expire,
        minimum=minimum,
    )


def rdata_of(
    kind: type[dns.rdata.Rdata], rdtype: dns.rdatatype.RdataType, **fields: Any
) -> dns.rdata.Rdata:
    """RDATA of these fields, which are right, in a fifth of the time of its constructor."""
    rdata = kind.__new__(kind)
    _set(rdata, "rdclass", IN)
    _set(rdata, "rdtype", rdtype)
    _set(rdata, "rdcomment", None)
    for name, value in fields.items():
        _set(rdata, name, value)
    return rdata
