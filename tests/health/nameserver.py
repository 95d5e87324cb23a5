"""A real nameserver whose answers a test changes, and what an address book makes of it."""

# mypy: disable-error-code="no-untyped-call"
from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from dnslib import QTYPE, RCODE, RR, A
from dnslib.dns import AAAA, DNSRecord
from dnslib.server import BaseResolver, DNSHandler

from resolverd.health.lookup import SystemLookup

NAME = "use.example"


class Nameserver(BaseResolver):
    """Answers from `a` and `aaaa`, in reverse; `rcode` fails all, `fail_aaaa` the one type."""

    def __init__(self) -> None:
        self.a: list[str] = ["192.0.2.1"]
        self.aaaa: list[str] = []
        self.rcode = "NOERROR"
        self.fail_aaaa = False
        self.queries = 0
        self.port = 0

    def resolve(self, request: DNSRecord, handler: DNSHandler) -> DNSRecord:
        self.queries += 1
        reply: DNSRecord = request.reply()
        qtype = QTYPE[request.q.qtype]
        if self.rcode != "NOERROR" or (self.fail_aaaa and qtype == "AAAA"):
            reply.header.rcode = getattr(
                RCODE, self.rcode if self.rcode != "NOERROR" else "REFUSED"
            )
            return reply
        addresses, rdata = (self.a, A) if qtype == "A" else (self.aaaa, AAAA)
        for address in reversed(addresses):
            reply.add_answer(RR(request.q.qname, request.q.qtype, rdata=rdata(address), ttl=0))
        return reply


class Quiet:
    """dnslib's server logs to standard output unless told otherwise."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: None


class Changes:
    """What `on_change` was told, and a way to wait for the next."""

    def __init__(self) -> None:
        self.seen: asyncio.Queue[tuple[str, tuple[str, ...], tuple[str, ...]]] = asyncio.Queue()

    def __call__(self, name: str, before: tuple[str, ...], after: tuple[str, ...]) -> None:
        self.seen.put_nowait((name, before, after))

    async def next(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        async with asyncio.timeout(20):
            _, before, after = await self.seen.get()
        return before, after


def lookup(nameserver: Nameserver, hosts: Path = Path("/nonexistent")) -> SystemLookup:
    return SystemLookup(["127.0.0.1"], nameserver.port, timeout=5, hosts=hosts)


async def eventually(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not happened():  # noqa: ASYNC110 (what is waited for is a plain counter)
            await asyncio.sleep(0.01)
