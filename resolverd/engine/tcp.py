"""DNS over TCP (RFC 7766): length-framed, pipelined, with limits on time and number.

A connection that is silent for `idle` seconds, or older than `lifetime`, or whose peer does
not read its answers, is closed. So is one over the total or the per-client number. Queries
on a connection are answered in the order they came.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from resolverd.config.model import Server
from resolverd.engine.counters import Counters

Respond = Callable[[bytes, str], bytes | None]


@dataclass(frozen=True, slots=True)
class TcpLimits:
    """Times in seconds; numbers are connections open at once in one worker."""

    idle: float
    lifetime: float
    connections: int
    per_client: int

    @classmethod
    def of(cls, server: Server) -> TcpLimits:
        """The limits that the configuration sets."""
        return cls(
            server.tcp_idle, server.tcp_lifetime, server.tcp_connections, server.tcp_per_client
        )


class TcpService:
    """Answers the queries of TCP connections; `connected` is a start_server callback."""

    def __init__(self, limits: TcpLimits, respond: Respond, counters: Counters) -> None:
        self._limits, self._respond, self._counters = limits, respond, counters
        self._open: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it ends or passes a limit."""
        peer = writer.get_extra_info("peername")
        task = asyncio.current_task()
        if peer is None or task is None or not self._admit(peer[0]):
            writer.transport.abort()
            return
        client: str = peer[0]
        self._tasks.add(task)
        try:
            async with asyncio.timeout(self._limits.lifetime):
                await self._serve(reader, writer, client)
                await self._part(writer)
        except TimeoutError:
            self._counters.tcp_refused["lifetime"] += 1
        except (ConnectionError, asyncio.IncompleteReadError):
            self._counters.tcp_refused["peer_closed"] += 1
        finally:
            self._tasks.discard(task)
            self._open[client] -= 1
            if not self._open[client]:
                del self._open[client]
            writer.transport.abort()

    def close(self) -> None:
        """End every connection."""
        for task in self._tasks:
            task.cancel()

    async def _part(self, writer: asyncio.StreamWriter) -> None:
        """Close once all is sent; a peer that does not read it has the idle time to begin."""
        writer.close()
        try:
            async with asyncio.timeout(self._limits.idle):
                await writer.wait_closed()
        except TimeoutError:
            self._counters.tcp_refused["slow_reader"] += 1

    def _admit(self, client: str) -> bool:
        if self._open.total() >= self._limits.connections:
            self._counters.tcp_refused["connections"] += 1
            return False
        if self._open[client] >= self._limits.per_client:
            self._counters.tcp_refused["per_client"] += 1
            return False
        self._open[client] += 1
        return True

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, client: str
    ) -> None:
        while True:
            try:
                async with asyncio.timeout(self._limits.idle):
                    packet = await _message(reader)
            except TimeoutError:
                self._counters.tcp_refused["idle"] += 1
                return
            if packet is None:
                return
            response = self._respond(packet, client)
            if response is None:
                return
            writer.write(len(response).to_bytes(2, "big") + response)
            try:
                async with asyncio.timeout(self._limits.idle):
                    await writer.drain()
            except TimeoutError:
                self._counters.tcp_refused["slow_reader"] += 1
                writer.transport.abort()
                return


async def _message(reader: asyncio.StreamReader) -> bytes | None:
    """The next framed message; None at a clean end. Raises IncompleteReadError within one."""
    try:
        length = await reader.readexactly(2)
    except asyncio.IncompleteReadError as ended:
        if ended.partial:
            raise
        return None
    return await reader.readexactly(int.from_bytes(length, "big"))
