"""An engine that stops answers what it has read, and leaves the rest to the next."""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from harness.config import config_text
from harness.engines import ENGINES, LIMITS, EngineName
from harness.messages import query
from harness.server import HEAD, snapshot_of

from resolverd.engine.choice import Choice
from resolverd.engine.inherited import adopt
from resolverd.engine.make import make_engine
from resolverd.loop import loop_factory, run_loop

MANY = 300


@pytest.fixture
def held() -> Iterator[socket.socket]:
    """A UDP socket as a service manager holds it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        made.bind(("127.0.0.1", 0))
        made.setblocking(False)
        yield made


def _count(sock: socket.socket) -> int:
    """The datagrams that wait in a socket."""
    found = 0
    while True:
        try:
            sock.recv(65535)
        except BlockingIOError:
            return found
        found += 1


@pytest.mark.parametrize("loop", [loop_factory(), asyncio.SelectorEventLoop])
@pytest.mark.parametrize("turns", [0, 1, 2, 3, 5, 8])
@pytest.mark.parametrize("chosen", ENGINES)
def test_every_datagram_is_answered_or_left_in_the_socket(
    held: socket.socket,
    turns: int,
    loop: Callable[[], asyncio.AbstractEventLoop] | None,
    chosen: EngineName,
) -> None:
    """Stopped after some turns of the loop: whatever it has read by then has its answer."""

    async def serve_and_stop(client: socket.socket) -> None:
        bound, sockets = adopt([held.dup()])
        engine = make_engine(Choice(chosen, 1, ""), bound, sockets, LIMITS, run_loop)
        zone = f"$ORIGIN inference.example.\n{HEAD}"
        await engine.start(snapshot_of(zone, config_text(services="")))
        for _ in range(MANY):
            client.send(query("inference.example", "SOA"))
        for _ in range(turns):
            await asyncio.sleep(0)
        await engine.stop()

    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        client.connect(held.getsockname())
        client.setblocking(False)
        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(serve_and_stop(client))
        answered, waiting = _count(client), _count(held)
    assert answered + waiting == MANY


@pytest.mark.parametrize("chosen", ENGINES)
async def test_a_connection_that_was_accepted_in_the_last_moment_has_its_query_answered(
    chosen: EngineName,
) -> None:
    """A client on a busy host, or far away, sends it some time after it has connected."""
    loop = asyncio.get_running_loop()
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as held,
        closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as client,
    ):
        for each in (held, client):
            each.setblocking(False)
        bound, sockets = adopt([held.dup()])
        engine = make_engine(Choice(chosen, 1, ""), bound, sockets, LIMITS, run_loop)
        zone = f"$ORIGIN inference.example.\n{HEAD}"
        await engine.start(snapshot_of(zone, config_text(services="")))
        await loop.sock_connect(client, held.getsockname())
        async with asyncio.timeout(10):
            while select.select([held], [], [], 0)[0]:  # noqa: ASYNC110  the kernel sets no Event
                await asyncio.sleep(0)
        stopping = asyncio.create_task(engine.stop())
        await asyncio.sleep(0.3)  # three times what is left to clients whose queries are under way
        sent = query("inference.example", "SOA")
        await loop.sock_sendall(client, len(sent).to_bytes(2, "big") + sent)
        async with asyncio.timeout(10):
            assert len(await loop.sock_recv(client, 512)) > len(sent)
            assert await loop.sock_recv(client, 512) == b""
        await stopping
