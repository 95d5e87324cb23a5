"""Record what dig, kdig and unbound really send, into corpus/: run it when they change.

``python -m differential.record`` in tests/. Each line of hex is one query as it came over UDP on
loopback, after a comment that says what made it.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import cast

from differential.packets import CORPUS
from harness.daemon import Asked
from harness.programs import output, program, unbound

from resolverd.dns.codes import REFUSED

NAME = "chat.example"

DIG = """
-t A
-t AAAA
-t ANY
-t HTTPS
-t TYPE65280
-t DS
-t OPT
-c CH -t TXT
+dnssec
+dnssec +cdflag
+noedns
+edns=1
+edns=100 +nsid
+noednsnegotiation +edns=1 +subnet=10.1.2.0/24
+subnet=10.1.2.0/24
+subnet=10.1.2.77/32
+subnet=10.1.128.0/17
+subnet=10.0.0.0/1
+subnet=2001:db8:1::/48
+subnet=2001:db8:1::/56
+subnet=2001:db8:1::9/128
+subnet=0
+subnet=0.0.0.0/0
+subnet=::/0
+subnet=10.1.2.0/24 +nsid +dnssec
+nsid
+nocookie
+nocookie +nsid
+cookie=0102030405060708
+cookie=01020304050607080102030405060708
+cookie=0102
+expire
+keepalive
+padding=128
+padding=468 +subnet=10.1.2.0/24
+bufsize=0
+bufsize=512
+bufsize=1400
+bufsize=4096
+bufsize=65535
+ednsflags=0x7fff
+ednsopt=65001:0102030405
+ednsopt=15:0000
+ednsopt=3:616263
+ednsopt=8:0001
+ednsopt=8:00011800
+ednsopt=8:00030000
+ednsopt=8:0001180a0a0102
+norecurse
+noadflag
+cdflag
+aaflag
+raflag
+tcflag
+zflag
+opcode=IQUERY
+opcode=STATUS
+opcode=NOTIFY
+opcode=UPDATE
+opcode=6
+header-only
+noedns +header-only
"""

KDIG = """
-t A
-t AAAA
-t ANY
+dnssec
+edns
+noedns
+edns=1
+nsid
+subnet=10.1.2.0/24
+subnet=2001:db8:1::/48
+subnet=0.0.0.0/0
+bufsize=512
+padding=64
+alignment
+cookie
+ednsopt=65001:0102
+cdflag
+adflag
+zflag
+aaflag
+norec
-t NOTIFY
"""

ASKED_OF_UNBOUND = (
    ("chat.example", "A", "+subnet=10.1.2.0/24"),
    ("chat.example", "AAAA", "+subnet=2001:db8:1::/48"),
    ("www.example", "MX", "+dnssec"),
    ("a.b.c.d.example", "TXT", "+cdflag"),
    ("example", "NS", "+noedns"),
)


class Listener(asyncio.DatagramProtocol):
    """Keeps what comes, each once, and answers REFUSED so that nobody asks again."""

    def __init__(self) -> None:
        self.heard: dict[bytes, None] = {}
        self._transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket, to answer over."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, packet: bytes, source: tuple[str, int]) -> None:
        """One query."""
        self.heard[packet] = None
        refused = packet[:2] + bytes((packet[2] | 0x80, REFUSED)) + packet[4:]
        self._transport.sendto(refused, source)

    def taken(self) -> list[bytes]:
        """What was heard since last time."""
        heard, self.heard = self.heard, {}
        return list(heard)


async def run(name: str, *arguments: str) -> None:
    """Run a program to its end, whatever it makes of the answer."""
    process = await asyncio.create_subprocess_exec(
        program(name), *arguments, stdout=asyncio.subprocess.DEVNULL
    )
    await process.wait()


async def main() -> None:
    """Record all of it."""
    loop = asyncio.get_running_loop()
    transport, listener = await loop.create_datagram_endpoint(Listener, local_addr=("127.0.0.1", 0))
    here = Asked(*transport.get_extra_info("sockname"))
    CORPUS.mkdir(exist_ok=True)
    for client, arguments in (("dig", DIG), ("kdig", KDIG)):
        version = (await output(client, "-v" if client == "dig" else "-V")).strip()
        lines = [f"# {version}"]
        for line in arguments.strip().splitlines():
            await run(
                client, "@127.0.0.1", "-p", str(here.port), "+retry=0", "+timeout=2",
                "-q", NAME, *line.split(),
            )  # fmt: skip
            lines += [f"# {client} {line}", *(packet.hex() for packet in listener.taken())]
        (CORPUS / f"{client}.hex").write_text("\n".join(lines) + "\n")
    lines = [f"# {(await output('unbound', '-V')).splitlines()[0]}"]
    with tempfile.TemporaryDirectory() as folder:
        async with unbound(Path(folder), here, "example") as resolver:
            for qname, qtype, option in ASKED_OF_UNBOUND:
                await run(
                    "dig", "@127.0.0.1", "-p", str(resolver.port), "+tries=1", "+timeout=5",
                    qname, qtype, option,
                )  # fmt: skip
                lines += [f"# unbound, asked for {qname} {qtype} {option}"]
                lines += [packet.hex() for packet in listener.taken()]
    (CORPUS / "unbound.hex").write_text("\n".join(lines) + "\n")
    transport.close()


if __name__ == "__main__":
    asyncio.run(main())
