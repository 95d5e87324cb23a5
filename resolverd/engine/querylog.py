"""The sampled query log: what one line holds of a query and its response.

It carries the client's address, which is personal data in many places: it is off unless
`server.query_log` says otherwise.
"""

from __future__ import annotations

from typing import NamedTuple

from resolverd.dns.codes import RCODE_NAMES, TYPE_NAMES
from resolverd.dns.names import to_text
from resolverd.dns.query import Dropped, Malformed, parse


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
    if query.edns is not None and query.edns.subnet is not None:
        fields["subnet"] = str(query.edns.subnet.prefix)
    if sent is not None:
        rcode = RCODE_NAMES.get(sent.rcode, str(sent.rcode))
        fields |= {"rcode": rcode, "octets": sent.octets}
    return fields
