"""Records that give out a region's addresses whatever the client's pin allows.

A pin chooses what DYNA answers; every other record is the same for everybody. So a static address
of a region that some pin keeps from its clients, in a record of any type, hands it to them.
`Withheld` says which addresses and host names these are; IPv4 addresses inside IPv6 ones count as
those.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from dns.rdatatype import (
    AAAA,
    AMTRELAY,
    DNAME,
    HTTPS,
    IPSECKEY,
    SVCB,
    URI,
    A,
    RdataType,
    to_text,
)
from dns.rdtypes.svcbbase import ParamKey

from resolverd.dns.embedded_v4 import extract_v4
from resolverd.dns.hostnames import is_address
from resolverd.dns.limits import EMBEDDED_V4, EmbeddedV4
from resolverd.dns.names import Key, ancestors, key_from_text, key_of
from resolverd.dns.prefix import parse_prefix
from resolverd.errors import Problem
from resolverd.zone.catalogue import problem
from resolverd.zone.dyna import DYNA
from resolverd.zone.parsed import Record
from resolverd.zone.targets import TARGETS
from resolverd.zone.tree import Node, Tree

_HINTS = (ParamKey.IPV4HINT, ParamKey.IPV6HINT)
_SERVICE_BINDINGS = frozenset({HTTPS, SVCB})
_NAME_FIELD = {rdtype: target.attribute for rdtype, target in TARGETS.items() if target.connected}
_TYPES = frozenset({A, AAAA, URI, IPSECKEY, AMTRELAY, *_NAME_FIELD})


@dataclass(frozen=True)
class Withheld:
    """What pins keep from some client: by address (as extracted) and by host name, who says so.

    `fenced` are the services of which a pin keeps a region from somebody, `safe` the addresses that
    no pin keeps from anybody, by service; `formats` say which IPv4 address an IPv6 one embeds.
    """

    addresses: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[Key, str] = field(default_factory=dict)
    fenced: frozenset[str] = frozenset()
    safe: Mapping[str, frozenset[str]] = field(default_factory=dict)
    formats: Sequence[EmbeddedV4] = EMBEDDED_V4


NOTHING_WITHHELD = Withheld()


def canonical(address: str, formats: Sequence[EmbeddedV4]) -> str:
    """An address as it is compared: as the IPv4 one that it embeds, if any."""
    bits = 32 if ipaddress.ip_address(address).version == 4 else 128
    return str(extract_v4(parse_prefix(f"{address}/{bits}"), formats).prefix).partition("/")[0]


def check_past_pins(tree: Tree, withheld: Withheld) -> Iterator[Problem]:
    """Every record that gives all clients an address or name that a pin withholds from some."""
    if not withheld.fenced:
        return
    for node in tree.examined.values():
        for rdtype in _TYPES & node.records.keys():
            for record in node.records[rdtype]:
                yield from _check_record(node, rdtype, record, withheld)


def _check_record(
    node: Node, rdtype: RdataType, record: Record, withheld: Withheld
) -> Iterator[Problem]:
    steered = [dyna.rdata.service for dyna in node.records.get(DYNA, ())]  # type: ignore[attr-defined]
    fenced = next((service for service in steered if service in withheld.fenced), None)
    if rdtype in _SERVICE_BINDINGS and fenced is not None:
        safe = withheld.safe.get(fenced, frozenset())
        unsafe = [a for a in _hints(record.rdata) if canonical(a, withheld.formats) not in safe]
        if unsafe:
            yield problem(
                "zone-pin-hint",
                record.at_type(),
                f"{node.owner} {to_text(rdtype)} hints at {', '.join(unsafe)} for every client of "
                f"{fenced}, whatever its pin allows",
                "remove ipv4hint and ipv6hint: clients then ask for A and AAAA, which are steered",
            )
            return
    given = [*_addresses(rdtype, record.rdata)]
    compared = {address: canonical(address, withheld.formats) for address in given}
    said = [(a, withheld.addresses[c]) for a, c in compared.items() if c in withheld.addresses]
    said += _names(rdtype, record.rdata, withheld)
    for what, whose in said[:1]:
        yield problem(
            "zone-past-pin",
            record.at_type(),
            f"{node.owner} {to_text(rdtype)} gives everybody {what}: {whose}",
            "give it to those alone who may have it, or let a DYNA answer at this name",
        )


def _addresses(rdtype: RdataType, rdata: Any) -> Iterator[str]:
    if rdtype in (A, AAAA):
        yield rdata.address
    elif rdtype in _SERVICE_BINDINGS:
        yield from _hints(rdata)
    elif rdtype == URI:
        host = _host(rdata)
        yield from [host] if is_address(host) else []
    elif isinstance(gateway := getattr(rdata, "gateway", getattr(rdata, "relay", None)), str):
        yield from [gateway] if is_address(gateway) else []


def _hints(rdata: Any) -> Iterator[str]:
    params = getattr(rdata, "params", {})
    for key in _HINTS:
        yield from getattr(params.get(key), "addresses", ())


def _names(rdtype: RdataType, rdata: Any, withheld: Withheld) -> Iterator[tuple[str, str]]:
    """The host names of withheld regions that a record leads to, and whose they are."""
    key: Key | None = None
    if rdtype == URI:
        key = _host_key(_host(rdata))
    elif rdtype in _NAME_FIELD:
        key = key_of(getattr(rdata, _NAME_FIELD[rdtype]))
    if key is None:
        return
    for name, whose in withheld.names.items():
        leads = key in list(ancestors(name))[1:] if rdtype == DNAME else key == name
        if leads:
            yield "the host name of a region", whose


def _host(rdata: Any) -> str:
    try:
        return urlsplit(rdata.target.decode("ascii", "replace")).hostname or ""
    except ValueError:  # not a URL: no host that anybody could ask
        return ""


def _host_key(host: str) -> Key | None:
    """The name that a URI's host is; None for an address, and for what is no name of DNS."""
    if not host or is_address(host) or not host.isascii():
        return None
    try:
        return key_from_text(host)
    except ValueError:  # an empty label, or one too long: nobody could ask for it
        return None
