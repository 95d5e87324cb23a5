"""The sampled query log: what one line holds of a query and its response.

It carries the client's address, which is personal data in many places: it is off unless
`server.query_log` says otherwise.
"""

from __future__ import annotations

from typing import NamedTuple

from dns.rdataclass import RdataClass

from resolverd.dns.codes import BADVERS, CLASS_IN, NOERROR, RCODE_NAMES, TYPE_NAMES
from resolverd.dns.names import to_text
from resolverd.dns.query import Dropped, Malformed, Query, parse


class Sent(NamedTuple):
    """What the log has of a response: the RCODE of its header, without the four extended bits
    that OPT has, and its length."""

    rcode: int
    octets: int

    @classmethod
    def of(cls, response: bytes | None) -> Sent | None:
        """The RCODE and length of `response`; None where none was sent."""
        return None if response is None else cls(response[3] & 0xF, len(response))


def described(packet: bytes, source: str, sent: Sent | None, *, tcp: bool) -> dict[str, object]:
    """The fields of the event for one packet; `sent` is None where nothing was."""
    fields: dict[str, object] = {"client": source, "transport": "tcp" if tcp else "udp"}
    try:
        query = parse(packet)
    except Dropped as reason:
        return fields | {"dropped": str(reason)}
    except Malformed as malformed:
        query = malformed.query
        fields["malformed"] = malformed.kind
    if query.name:
        fields["qname"] = to_text(query.name)
        fields["qtype"] = TYPE_NAMES.get(query.qtype, f"TYPE{query.qtype}")
        if query.qclass != CLASS_IN:
            fields["qclass"] = RdataClass.to_text(query.qclass)
    subnet = None if query.edns is None else query.edns.subnet
    if subnet is not None and subnet.prefix is not None:  # of 0 bits it is a wish for none
        fields["subnet"] = str(subnet.prefix)
    if sent is not None:
        fields |= {"rcode": _rcode(query, sent), "octets": sent.octets}
    return fields


def _rcode(query: Query, sent: Sent) -> str:
    """The RCODE's name: of BADVERS the header has only four bits, those of NOERROR."""
    versioned = query.edns is not None and query.edns.version and not query.opcode
    rcode = BADVERS if versioned and sent.rcode == NOERROR else sent.rcode
    return RCODE_NAMES.get(rcode, str(rcode))
