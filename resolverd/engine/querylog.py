"""The sampled query log: what one line says of a query and its response.

It carries the client's address, which is personal data in many places: it is off unless
`server.query_log` says otherwise.
"""

from __future__ import annotations

from typing import NamedTuple

from resolverd.dns.codes import RCODE_NAMES, TYPE_NAMES
from resolverd.dns.names import to_text
from resolverd.dns.query import Dropped, Malformed, parse


class Sent(NamedTuple):
    """What the log says of a response: the RCODE of its header, without the four extended bits
    that OPT has, and its length."""

    rcode: int
    octets: int

    @classmethod
    def of(cls, response: bytes | None) -> Sent | None:
        """What there is to say of `response`, None if there is none."""
        return None if response is None else cls(response[3] & 0xF, len(response))


def described(packet: bytes, source: str, sent: Sent | None, *, tcp: bool) -> dict[str, object]:
    """The fields of the event for one packet; `sent` is None where nothing was."""
    told: dict[str, object] = {"client": source, "transport": "tcp" if tcp else "udp"}
    try:
        query = parse(packet)
    except Dropped as why:
        return told | {"dropped": str(why)}
    except Malformed as wrong:
        query = wrong.query
        told["malformed"] = wrong.kind
    if query.name:
        told["qname"] = to_text(query.name)
        told["qtype"] = TYPE_NAMES.get(query.qtype, f"TYPE{query.qtype}")
    if query.edns is not None and query.edns.subnet is not None:
        told["subnet"] = str(query.edns.subnet.prefix)
    if sent is not None:
        rcode = RCODE_NAMES.get(sent.rcode, str(sent.rcode))
        told |= {"rcode": rcode, "octets": sent.octets}
    return told
