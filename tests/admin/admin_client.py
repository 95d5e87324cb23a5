"""Clients of the admin API: its socket, its port, and the DNS that both talk about."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import asyncio_dgram
import dns.message
from harness.config import CHAT
from harness.messages import query, read
from harness.server import HEAD
from harness.waiting import until_holds
from prometheus_client.parser import text_string_to_metric_families

from resolverd.daemon import Daemon

TIMEOUT = 30.0
ADMIN = 'socket = "admin.sock"\nlisten = "127.0.0.1:0"\ntoken_file = "token"\n'
SERVICES = f"""{CHAT}
ttl = "20s"
failover_ttl = "2s"

[pin.gdpr]
countries = ["DE"]
regions = ["eu-west"]
"""
ZONE = f"{HEAD}www 60 A 192.0.2.80\nchat 60 DYNA chat\n"
NAME = "chat.inference.example"
TOKYO, FRANKFURT = "133.11.1.0/24", "141.2.1.0/24"

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@dataclass
class Reply:
    """Status, headers and content of one answer."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The content as JSON of the strict kind."""

        def refuse(constant: str) -> None:
            raise AssertionError(f"{constant} is not JSON")

        assert self.headers["Content-Type"].startswith("application/json")
        return json.loads(self.text, parse_constant=refuse)


@dataclass
class AdminClient:
    """A daemon's admin API by both listeners."""

    daemon: Daemon
    config: Path
    unix: aiohttp.ClientSession
    tcp: aiohttp.ClientSession

    async def ask(self, method: str, path: str, **more: Any) -> Reply:
        """Through the socket."""
        return await _reply(self.unix.request(method, f"http://admin{path}", **more))

    async def ask_http(self, method: str, path: str, **more: Any) -> Reply:
        """Through the port."""
        assert self.daemon.admin.listener is not None
        return await _reply(
            self.tcp.request(method, f"http://{self.daemon.admin.listener}{path}", **more)
        )

    async def override(self, target: str, kind: str, **more: Any) -> Reply:
        """Set an override."""
        body = {"target": target, "kind": kind, "why": "a test", **more}
        return await self.ask("POST", "/override", json=body)

    async def samples(self) -> Samples:
        """Every sample of /metrics, by name and labels."""
        text = (await self.ask("GET", "/metrics")).text
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    async def sample(self, name: str, **labels: str) -> float:
        """One sample; 0 where there is none yet."""
        return (await self.samples()).get((name, frozenset(labels.items())), 0.0)

    async def dig(self, qname: str = NAME, qtype: str = "A", **more: Any) -> dns.message.Message:
        """One query over UDP, and its answer read strictly."""
        packet = query(qname, qtype, **more)
        response = await self.send(packet)
        assert response is not None
        return read(packet, response)

    async def send(self, packet: bytes, *, answered: bool = True) -> bytes | None:
        """One packet; None at once where no answer is expected."""
        listener = self.daemon.bound[0]
        stream = await asyncio_dgram.connect((listener.address, listener.port))
        try:
            await stream.send(packet)
            if not answered:
                return None
            async with asyncio.timeout(TIMEOUT):
                response: bytes = (await stream.recv())[0]
                return response
        finally:
            stream.close()


async def _reply(request: Any) -> Reply:
    async with request as response:
        return Reply(response.status, dict(response.headers), await response.text())


@asynccontextmanager
async def opened(daemon: Daemon, config: Path) -> AsyncIterator[AdminClient]:
    """The daemon, with a client at each listener."""
    connector = aiohttp.UnixConnector(str(daemon.admin.socket))
    async with (
        aiohttp.ClientSession(connector=connector) as unix,
        aiohttp.ClientSession() as tcp,
    ):
        yield AdminClient(daemon, config, unix, tcp)


until = partial(until_holds, within=TIMEOUT)


def addresses(message: dns.message.Message) -> set[str]:
    """The addresses in an answer."""
    return {rdata.address for rrset in message.answer for rdata in rrset}


def replace(config: Path, old: str, new: str) -> None:
    """Edit a file; `old` must be there."""
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new, 1))


def set_option(config: Path, table: str, line: str) -> None:
    """Put a line under a table's header."""
    replace(config, f"{table}\n", f"{table}\n{line}\n")


def list_directory(config: Path) -> list[Path]:
    """What lies beside the configuration."""
    return list(config.parent.iterdir())
