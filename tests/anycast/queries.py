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

    def datagram_received(self, data: bytes, addr: object) -> None:
        if data[3] & 15 != dns.rcode.NOERROR:
            self.wrong += 1
        self.open.pop(int.from_bytes(data[:2], "big"), None)

    def error_received(self, exc: Exception) -> None:
        """An ICMP error is a query without an answer, and is counted as one."""


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
    print(json.dumps({"sent": sent, "lost": lost + len(asking.open), "wrong": asking.wrong}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3])))
