"""A real query over a service address: the SOA of a zone, asked as a resolver would."""

from __future__ import annotations

import asyncio

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype


async def unanswered(address: str, port: int, name: str, seconds: float) -> str:
    """Why there is no right answer in so many seconds; empty where there is one."""
    query = dns.message.make_query(name, dns.rdatatype.SOA, use_edns=0)
    query.flags &= ~dns.flags.RD
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bytes] = loop.create_future()
    try:
        async with asyncio.timeout(seconds):
            transport, _ = await loop.create_datagram_endpoint(
                lambda: _Waiting(answer, query.id), remote_addr=(address, port)
            )
            try:
                transport.sendto(query.to_wire())
                octets = await answer
            finally:
                transport.close()
    except TimeoutError:
        return f"no answer in {seconds:g} s"
    except OSError as error:
        return error.strerror or str(error)
    return wrong(query, octets)


def wrong(query: dns.message.Message, octets: bytes) -> str:
    """What is wrong about a response; empty where it is the answer."""
    try:
        response = dns.message.from_wire(octets)
    except (dns.exception.DNSException, ValueError) as error:
        return f"the response is not understood: {error}"
    if not query.is_response(response):
        return "the response is to another query"
    if response.rcode() != dns.rcode.NOERROR:
        return f"the response is {dns.rcode.to_text(response.rcode())}"
    if not response.flags & dns.flags.AA:
        return "the answer is not authoritative"
    (question,) = query.question
    if not any(r.name == question.name and r.rdtype == question.rdtype for r in response.answer):
        return f"the answer has no SOA of {question.name}"
    return ""


class _Waiting(asyncio.DatagramProtocol):
    """Takes the first response with the query's id; what else comes is not for us."""

    def __init__(self, answer: asyncio.Future[bytes], number: int) -> None:
        self._answer, self._head = answer, number.to_bytes(2, "big")

    def datagram_received(self, data: bytes, addr: object) -> None:
        if data[:2] == self._head and not self._answer.done():
            self._answer.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self._answer.done():
            self._answer.set_exception(exc)
