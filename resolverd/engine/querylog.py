"""The sampled query log: what one line says of a query and its response.

It carries the client's address, which is personal data in many places: it is off unless
`server.query_log` says otherwise.
"""

from __future__ import annotations

from resolverd.dns.codes import RCODE_NAMES, TYPE_NAMES
from resolverd.dns.names import to_text
from resolverd.dns.query import Dropped, Malformed, parse


def described(
    packet: bytes, source: str, response: bytes | None, *, tcp: bool
) -> dict[str, object]:
    """The fields of the event for one packet; `response` is what was sent, None if nothing.

    `rcode` is the header's, without the four extended bits that OPT has.
    """
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
    if response is not None:
        rcode = response[3] & 0xF
        told |= {"rcode": RCODE_NAMES.get(rcode, str(rcode)), "octets": len(response)}
    return told
