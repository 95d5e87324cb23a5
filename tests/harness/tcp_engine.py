"""A running engine, asked over TCP with small limits."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from harness.config import config_text
from harness.engines import EngineName
from harness.server import HEAD, snapshot_of
from resolverd.config.types import Listener
from resolverd.engine.choice import Choice
from resolverd.engine.counters import Counters
from resolverd.engine.interface import Engine
from resolverd.engine.make import make_engine
from resolverd.engine.sockets import bind
from resolverd.engine.tcp import TcpLimits
from resolverd.loop import run_loop

ZONE = (
    HEAD
    + "www A 192.0.2.80\n"
    + "".join(f"n{n} A 192.0.2.{n}\n" for n in range(100))
    + "".join(f"huge TXT {'x' * 250}{n:03d}\n" for n in range(230))
)
SNAPSHOT = snapshot_of({"example.": ZONE}, config_text(services=""))
TIMEOUT = 20.0


@dataclass
class Tcp:
    """A running engine and where its TCP is."""

    engine: Engine
    port: int

    async def counters(self) -> Counters:
        """What it counted so far."""
        return await self.engine.counters()

    async def connect(
        self, source: str = "127.0.0.1"
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A new connection from an address of 127.0.0.0/8."""
        return await asyncio.open_connection("127.0.0.1", self.port, local_addr=(source, 0))


@asynccontextmanager
async def engine(
    name: EngineName,
    *,
    idle: float = 10,
    lifetime: float = 60,
    connections: int = 100,
    per_client: int = 100,
    send_buffer: int = 0,
) -> AsyncIterator[Tcp]:
    """The engine of this name with these TCP limits.

    `send_buffer` is in octets, 0 for the kernel's.
    """
    bound, sockets = bind([Listener("127.0.0.1", 0)])
    if send_buffer:
        sockets[0].tcp[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
    limits = TcpLimits(idle, lifetime, connections, per_client)
    made = make_engine(Choice(name, 1, ""), bound, sockets, limits, run_loop)
    await made.start(SNAPSHOT)
    try:
        async with asyncio.timeout(TIMEOUT):
            yield Tcp(made, bound[0].port)
    finally:
        await made.stop()


def framed(packet: bytes) -> bytes:
    """A message behind its length (RFC 1035 §4.2.2)."""
    return len(packet).to_bytes(2, "big") + packet


async def receive(reader: asyncio.StreamReader) -> bytes:
    """The next framed message."""
    length = int.from_bytes(await reader.readexactly(2), "big")
    return await reader.readexactly(length)


async def ended(reader: asyncio.StreamReader) -> bytes:
    """What is still to come before the server closes, with or without a reset."""
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


async def close(writer: asyncio.StreamWriter) -> None:
    """Close our side, whatever has become of theirs."""
    writer.transport.abort()
    await asyncio.gather(writer.wait_closed(), return_exceptions=True)
