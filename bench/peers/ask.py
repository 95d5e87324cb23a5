"""One question at a time, to see whether a server is ready and what it says."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from functools import lru_cache

import dns.edns
import dns.exception
import dns.message
import dns.rdatatype

_PAUSE = 0.001


def ask(
    port: int, qname: str, rdtype: str = "A", subnet: str | None = None, wait: float = 1.0
) -> dns.message.Message | None:
    """The response to one query on loopback, None if there is none in `wait` seconds.

    `subnet` is an IPv4 /24 in an EDNS client-subnet option (RFC 7871).
    """
    query = _query(qname, rdtype, subnet)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(wait)
        sock.connect(("127.0.0.1", port))
        try:
            sock.send(query)
            response = dns.message.from_wire(sock.recv(65535))
        except (OSError, dns.exception.DNSException):
            return None
    return response if response.id == int.from_bytes(query[:2], "big") else None


@lru_cache(maxsize=64)
def _query(qname: str, rdtype: str, subnet: str | None) -> bytes:
    """Made once: a thousand a second would take a tenth of a core from who starts."""
    options: list[dns.edns.Option] = [dns.edns.ECSOption(subnet, 24)] if subnet else []
    query = dns.message.make_query(qname, rdtype, use_edns=0 if subnet else -1, options=options)
    query.flags = 0
    return query.to_wire()


def address(response: dns.message.Message | None) -> str | None:
    """The first A record of a response."""
    if response is None:
        return None
    rrsets = (rrset for rrset in response.answer if rrset.rdtype == dns.rdatatype.A)
    return next((rdata.address for rrset in rrsets for rdata in rrset), None)


def serial(port: int, origin: str) -> int | None:
    """The serial of the zone that is served now."""
    response = ask(port, origin, "SOA", wait=0.1)
    rrsets = response.answer if response else []
    return next((rdata.serial for rrset in rrsets for rdata in rrset), None)


def until(holds: Callable[[], bool], limit: float, goes_on: Callable[[], bool]) -> float | None:
    """Seconds until `holds`; None after `limit` seconds, or once `goes_on` does not hold."""
    start = time.monotonic()
    while time.monotonic() - start < limit:
        if holds():
            return time.monotonic() - start
        if not goes_on():
            return None
        time.sleep(_PAUSE)
    return None
