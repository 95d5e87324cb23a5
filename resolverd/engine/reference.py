"""The readable engine: `datagrams` and `tcp` in one event loop of one process.

It gives the meaning that any other engine must match octet for octet, and runs wherever
Python does. A Snapshot is swapped by assigning one attribute, so no packet ever waits.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from resolverd import log
from resolverd.config.types import Listener
from resolverd.engine.answer import respond, servfail
from resolverd.engine.block_samples import BlockSampler, BlockSamples
from resolverd.engine.counters import Counters
from resolverd.engine.querylog import Sent, described
from resolverd.engine.selfcheck import asking, self_check
from resolverd.engine.sockets import BoundSockets
from resolverd.engine.tcp import TcpLimits, TcpService
from resolverd.engine.udp import UdpService
from resolverd.snapshot.model import Snapshot
from resolverd.snapshot.verify import Ask


class ReferenceEngine:
    """Serves in the running event loop, on sockets that are bound already."""

    name = "reference"
    workers = 1

    def __init__(self, bound: Sequence[Listener], sockets: BoundSockets, limits: TcpLimits) -> None:
        self.bound = tuple(bound)
        self.died: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.sockets, self._limits = (sockets,), limits
        self._counters, self._sampler = Counters(), BlockSampler()
        self._tcp = TcpService(limits, self._respond_tcp, self._counters, self._fail)
        self._udp: list[UdpService] = []
        self._snapshot: Snapshot
        self._log = log.get("engine")

    async def start(self, snapshot: Snapshot) -> None:
        """Begin to answer from `snapshot`."""
        self._snapshot = snapshot
        self._udp = [
            UdpService(udp, self._respond_udp, self._counters, self._fail)
            for udp in self.sockets[0].udp
        ]
        self._tcp.start(self.sockets[0].tcp)

    async def staged(self, snapshot: Snapshot) -> Ask:
        """How it answers from `snapshot`."""
        return asking(snapshot)

    async def publish(self, snapshot: Snapshot) -> None:
        """Answer every later packet from `snapshot`."""
        self._snapshot = snapshot

    async def check(self) -> None:
        """Answer a query to itself in this loop. Raises EngineError if it cannot."""
        self_check(self._snapshot)

    async def counters(self) -> Counters:
        """What was counted so far."""
        return self._counters

    async def block_samples(self) -> BlockSamples:
        """The samples of clients' blocks since this was asked."""
        return self._sampler.take()

    def again(self) -> ReferenceEngine:
        """Another one on the same sockets, in a forked process."""
        return ReferenceEngine(self.bound, self.sockets[0], self._limits)

    async def stop(self) -> None:
        """Stop answering and close the sockets; what was read by then is answered.

        So whoever holds the same sockets open, as a service manager does across a restart,
        loses no datagram: what was not read waits in them.
        """
        for udp in self._udp:
            udp.close()
        await self._tcp.close()
        self.sockets[0].close()
        if not self.died.done():
            self.died.cancel()

    def _respond_udp(self, packet: bytes, source: str) -> bytes | None:
        return self._respond(packet, source, tcp=False)

    def _respond_tcp(self, packet: bytes, source: str) -> bytes | None:
        return self._respond(packet, source, tcp=True)

    def _respond(self, packet: bytes, source: str, *, tcp: bool) -> bytes | None:
        """One packet's answer. The boundary at which a defect of ours costs one answer only."""
        try:
            response = respond(
                packet, source, self._snapshot, self._counters, tcp=tcp, sampler=self._sampler
            )
            share = self._snapshot.plan.query_log
            if share and random.random() < share:
                self._log.info("query", **described(packet, source, Sent.of(response), tcp=tcp))
            return response
        except Exception as defect:  # noqa: BLE001 - counted and answered, never the end of serving
            kind = type(defect).__name__
            if not self._counters.failed[kind]:
                self._log.error("engine.defect", packet=packet.hex(), exc_info=defect)
            return servfail(packet, self._counters, defect)

    def _fail(self, reason: str) -> None:
        if not self.died.done():
            self.died.set_result(reason)
