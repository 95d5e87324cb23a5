"""A running daemon in the test's own loop, over files that the test may edit."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import asyncio_dgram
import dns.edns
import dns.message
from harness.config import CHAT, config_text
from harness.server import HEAD
from harness.waiting import until_holds
from mmdb_writer import Value

from resolverd.daemon import Daemon
from resolverd.systemd import Supervisor

TOKYO, DUBLIN = "1.1.1.0", "2.2.2.0"
NETWORKS: dict[str, dict[str, Value]] = {
    "1.0.0.0/8": {"country_code": "JP", "latitude": 35.7, "longitude": 139.7},
    "2.0.0.0/8": {"country_code": "IE", "latitude": 53.3, "longitude": -6.3},
}
PROBES = 'interval = "100ms"\nfast_interval = "50ms"\ntimeout = "3s"'
TIMEOUT = 60.0


@dataclass
class Endpoint:
    """A loopback HTTP server that answers every path with `status`, while its `gate` is open."""

    url: str
    status: int = 200
    gate: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class Files:
    """What the daemon reads; tests write to these paths."""

    config: Path
    zone: Path
    database: Path


def good_config(endpoints: dict[str, Endpoint], server: str = "", ttl: str = "20s") -> str:
    """The configuration that the daemon starts with, with further lines for [server]."""
    return config_text(
        CHAT + f'ttl = "{ttl}"\nfailover_ttl = "2s"\n',
        server='listen = ["127.0.0.1:0"]\nzones = ["*.zone"]\ngeoip = ["city.mmdb"]\n'
        'settle = "100ms"\n' + server,
        probe=PROBES,
        urls={region: endpoint.url for region, endpoint in endpoints.items()},
    )


def zone_text(www: str, serial: int = 7) -> str:
    """A zone whose www has this address."""
    head = HEAD.replace(" 7 ", f" {serial} ")
    return f"$ORIGIN inference.example.\n{head}www 60 A {www}\nchat 60 DYNA chat\n"


@asynccontextmanager
async def running(path: Path) -> AsyncIterator[Daemon]:
    """A daemon that is ready, and is stopped at the end."""
    daemon = Daemon(path)
    await daemon.start()
    try:
        yield daemon
    finally:
        await daemon.stop()


@asynccontextmanager
async def supervised(path: Path, said: list[str] | None = None) -> AsyncIterator[Daemon]:
    """`running`, under a service manager that keeps all it is given, and notes all that is `said`.

    One that is stopped meanwhile leaves a standby, which ends at the end.
    """
    kept = list[int]()
    address = str(path.with_name("notify"))
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as heard:
        heard.bind(address)
        heard.setblocking(False)

        def hear() -> None:
            message, descriptors, *_ = socket.recv_fds(heard, 4096, 64)
            kept.extend(descriptors)
            if said is not None:
                said.extend(message.decode().splitlines())

        loop = asyncio.get_running_loop()
        loop.add_reader(heard, hear)
        daemon = Daemon(path, supervisor=Supervisor(address=address))
        await daemon.start()
        try:
            yield daemon
        finally:
            loop.remove_reader(heard)
            for descriptor in kept:
                os.close(descriptor)
            if daemon.ready:
                await daemon.stop()


async def ask(
    daemon: Daemon, qname: str, client: str = TOKYO, qtype: str = "A"
) -> dns.message.Message:
    """One query over UDP with a client subnet of /24; raises TimeoutError when it is lost."""
    query = dns.message.make_query(
        qname, qtype, use_edns=0, options=[dns.edns.ECSOption(client, 24)]
    )
    listener = daemon.bound[0]
    stream = await asyncio_dgram.connect((listener.address, listener.port))
    try:
        await stream.send(query.to_wire())
        async with asyncio.timeout(5):
            wire, _ = await stream.recv()
    finally:
        stream.close()
    return dns.message.from_wire(wire)


def addresses(message: dns.message.Message) -> set[str]:
    """The addresses in an answer."""
    return {rdata.address for rrset in message.answer for rdata in rrset}


def outdated(daemon: Daemon) -> dict[str, str]:
    """The parts that are not as the files have them, and whether they are held or refused."""
    return {e.part: "held" if e.held else "refused" for e in daemon.reloads.outdated}


until = partial(until_holds, within=TIMEOUT)
