"""The readable engine: asyncio-dgram for datagrams, asyncio streams for TCP, one process.

It gives the meaning that any other engine must match octet for octet, and runs wherever
Python does. A Snapshot is swapped by assigning one attribute, so no packet ever waits.
"""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Sequence
from typing import Any, cast

import asyncio_dgram
from asyncio_dgram.aio import DatagramServer

from resolverd import log
from resolverd.config.types import Listener
from resolverd.engine.answer import respond, servfail
from resolverd.engine.counters import Counters
from resolverd.engine.querylog import Sent, described
from resolverd.engine.selfcheck import self_check
from resolverd.engine.sockets import TCP_BACKLOG, BoundSockets
from resolverd.engine.tcp import TcpLimits, TcpService
from resolverd.snapshot.model import Snapshot

# Turns of the loop in which a query that a TCP connection has received is read and answered.
_LAST_TURNS = 5


class ReferenceEngine:
    """Serves in the running event loop, on sockets that are bound already."""

    name = "reference"
    workers = 1

    def __init__(self, bound: Sequence[Listener], sockets: BoundSockets, limits: TcpLimits) -> None:
        self.bound = tuple(bound)
        self.died: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.sockets, self._limits = (sockets,), limits
        self._counters = Counters()
        self._tcp = TcpService(limits, self._respond_tcp, self._counters)
        self._streams: list[DatagramServer] = []
        self._servers: list[asyncio.Server] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._snapshot: Snapshot
        self._log = log.get("engine")

    async def start(self, snapshot: Snapshot) -> None:
        """Begin to answer from `snapshot`."""
        self._snapshot = snapshot
        for udp in self.sockets[0].udp:
            stream = cast(DatagramServer, await asyncio_dgram.from_socket(udp))
            self._streams.append(stream)
            task = asyncio.create_task(self._serve_datagrams(stream))
            task.add_done_callback(self._ended)
            self._tasks.append(task)
        for tcp in self.sockets[0].tcp:
            self._servers.append(
                await asyncio.start_server(self._tcp.connected, sock=tcp, backlog=TCP_BACKLOG)
            )

    async def publish(self, snapshot: Snapshot) -> None:
        """Answer every later packet from `snapshot`."""
        self._snapshot = snapshot

    async def check(self) -> None:
        """Answer a query to itself in this loop. Raises EngineError if it cannot."""
        self_check(self._snapshot)

    async def counters(self) -> Counters:
        """What was counted so far."""
        return self._counters

    def again(self) -> ReferenceEngine:
        """Another one on the same sockets, in a forked process."""
        return ReferenceEngine(self.bound, self.sockets[0], self._limits)

    async def stop(self) -> None:
        """Stop answering and close the sockets; what was read by then is answered.

        So whoever holds the same sockets open, as a service manager does across a restart,
        loses no datagram: what was not read waits in them.
        """
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for stream, udp in zip(self._streams, self.sockets[0].udp, strict=False):
            with udp.dup() as sender:
                stream.close()
                self._answer_what_was_read(stream, sender)
        for server in self._servers:
            server.close()
        for _ in range(_LAST_TURNS):
            await asyncio.sleep(0)
        self._tcp.close()
        for server in self._servers:
            await server.wait_closed()
        self.sockets[0].close()
        if not self.died.done():
            self.died.cancel()

    async def _serve_datagrams(self, stream: DatagramServer) -> None:
        """Answer datagrams one by one, in the order the kernel hands them over."""
        while True:
            try:
                packet, source = cast(tuple[bytes, tuple[str, int]], await stream.recv())
                response = self._respond(packet, source[0], tcp=False)
                if response is not None:
                    await stream.send(response, source)
            except OSError as wrong:
                # The kernel reports an earlier datagram's failure; this socket still serves.
                self._counters.send_errors[type(wrong).__name__] += 1

    def _answer_what_was_read(self, stream: DatagramServer, sender: socket.socket) -> None:
        """Empty the queue of a stream that is closed; its own `recv` refuses that."""
        queue: asyncio.Queue[tuple[bytes | None, tuple[str, int]]] = cast(Any, stream)._recvq
        while not queue.empty():
            packet, source = queue.get_nowait()
            response = self._respond(packet, source[0], tcp=False) if packet is not None else None
            if response is not None:
                try:
                    sender.sendto(response, source)
                except OSError as wrong:
                    self._counters.send_errors[type(wrong).__name__] += 1

    def _respond_tcp(self, packet: bytes, source: str) -> bytes | None:
        return self._respond(packet, source, tcp=True)

    def _respond(self, packet: bytes, source: str, *, tcp: bool) -> bytes | None:
        """One packet's answer. The boundary at which a defect of ours costs one answer only."""
        try:
            response = respond(packet, source, self._snapshot, self._counters, tcp=tcp)
            share = self._snapshot.plan.query_log
            if share and random.random() < share:
                self._log.info("query", **described(packet, source, Sent.of(response), tcp=tcp))
            return response
        except Exception as defect:  # noqa: BLE001 - counted and answered, never the end of serving
            kind = type(defect).__name__
            if not self._counters.failed[kind]:
                self._log.error("engine.defect", packet=packet.hex(), exc_info=defect)
            return servfail(packet, self._counters, defect)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and not self.died.done():
            self.died.set_result(f"a datagram task ended: {task.exception()!r}")
