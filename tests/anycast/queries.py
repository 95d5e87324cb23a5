"""Queries at a rate, run in a client's namespace: python queries.py ADDRESS PER_SECOND SECONDS

It prints a line once it asks, and at the end JSON: how many were sent, and how many had no answer.
"""

from __future__ import annotations

import asyncio
import json
import sys

import dns.message
import dns.rcode

WAIT = 2.0


class Asking(asyncio.DatagramProtocol):
    """Counts answers by the id of their query."""

    def __init__(self) -> None:
        self.open: dict[int, float] = {}
        self.wrong = 0
        self.errors: dict[str, int] = {}

    def datagram_received(self, data: bytes, addr: object) -> None:
        if data[3] & 15 != dns.rcode.NOERROR:
            self.wrong += 1
        self.open.pop(int.from_bytes(data[:2], "big"), None)

    def error_received(self, exc: Exception) -> None:
        """The kernel's, or of ICMP: what became of a query that has no answer."""
        self.errors[str(exc)] = self.errors.get(str(exc), 0) + 1


async def main(address: str, per_second: float, seconds: float) -> None:
    """Ask, and wait for the last answers."""
    loop = asyncio.get_running_loop()
    local = ("::", 0) if ":" in address else ("0.0.0.0", 0)
    transport, asking = await loop.create_datagram_endpoint(Asking, local_addr=local)
    octets = bytearray(dns.message.make_query("chat.inference.example", "A").to_wire())
    begun, sent, lost = loop.time(), 0, 0
    print("asking", flush=True)
    while (now := loop.time()) < begun + seconds:
        while sent < (now - begun) * per_second:
            number = sent & 0xFFFF
            lost += number in asking.open
            octets[:2] = number.to_bytes(2, "big")
            asking.open[number] = now
            transport.sendto(bytes(octets), (address, 53))
            sent += 1
        await asyncio.sleep(0.001)
    await asyncio.sleep(WAIT)
    first = min(asking.open.values(), default=0.0)
    print(
        json.dumps(
            {
                "sent": sent,
                "lost": lost + len(asking.open),
                "wrong": asking.wrong,
                "errors": asking.errors,
                "for_seconds": max(asking.open.values(), default=0.0) - first,
            }
        )
    )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3])))
