"""One question to the running daemon, as a resolver would put it: UDP, with ECS (RFC 7871)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import dns.asyncquery
import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

from resolverd.config.types import Listener
from resolverd.dns.prefix import Prefix
from resolverd.errors import ResolverdError

# Seconds for one try: longer hides a slow answer, shorter takes a busy machine for a dead daemon.
_TIMEOUT = 2.0
# UDP may lose a datagram; after so many without an answer the demo fails.
_TRIES = 3


class NoAnswerError(ResolverdError):
    """The daemon did not answer, or not with an address of a region."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: TTL in seconds, scope in prefix bits; `note` is an EDE's text, if any."""

    region: str
    address: str
    ttl: int
    scope: int
    note: str = ""


async def ask(name: str, client: Prefix, server: Listener, region_of: Mapping[str, str]) -> Answer:
    """The A RRset of `name` for `client`; `region_of` maps addresses to regions.

    Raises NoAnswerError.
    """
    subnet = dns.edns.ECSOption(str(client.host()), client.length)
    query = dns.message.make_query(name, dns.rdatatype.A, use_edns=0, options=[subnet])
    query.flags &= ~dns.flags.RD
    response = await _exchange(query, server)
    if response.rcode() != dns.rcode.NOERROR or not response.answer:
        why = "; ".join(filter(None, (dns.rcode.to_text(response.rcode()), _note(response))))
        raise NoAnswerError(f"{name} for {client}: no address: {why}")
    rrset = response.answer[-1]
    address = rrset[0].to_text()
    scope = next((o.scopelen for o in response.options if isinstance(o, dns.edns.ECSOption)), 0)
    if address not in region_of:
        raise NoAnswerError(f"{name} for {client}: {address} is no region's address")
    return Answer(region_of[address], address, rrset.ttl, scope, _note(response))


async def _exchange(query: dns.message.Message, server: Listener) -> dns.message.Message:
    for _ in range(_TRIES):
        try:
            return await dns.asyncquery.udp(
                query, server.address, timeout=_TIMEOUT, port=server.port
            )
        except dns.exception.Timeout:
            continue
        except (OSError, dns.exception.DNSException) as error:
            raise NoAnswerError(f"{server}: {error}") from error
    raise NoAnswerError(f"{server} gave no answer, {_TRIES} times within {_TIMEOUT:.0f} s")


def _note(response: dns.message.Message) -> str:
    notes = (o for o in response.options if isinstance(o, dns.edns.EDEOption))
    return "; ".join(o.text or dns.edns.EDECode.to_text(o.code) for o in notes)
