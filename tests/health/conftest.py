"""Real servers on loopback, as misbehaved as a test wants them, and probes to ask them."""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress

import pytest
from dnslib.server import DNSServer
from monitored import Changes
from nameserver import Nameserver, Quiet

from resolverd.config.probe_layers import complete_probe
from resolverd.health.addresses import AddressBook
from resolverd.health.kinds.kind import kind_named
from resolverd.health.monitor import Monitor, Target
from resolverd.health.outcome import Outcome
from resolverd.health.probes import Tools, run

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Serve = Callable[..., Awaitable[int]]
Ask = Callable[..., Awaitable[Outcome]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """`await serve(handler, ssl=None)` listens and returns the port; a lost client is no error."""
    servers: list[asyncio.Server] = []
    connections: set[asyncio.Task[None]] = set()

    async def start(handler: Handler, ssl: ssl.SSLContext | None = None) -> int:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            connections.add(task)
            try:
                with suppress(ConnectionError, asyncio.IncompleteReadError):
                    await handler(reader, writer)
            except asyncio.CancelledError:
                return  # the test is over, and this connection with it
            finally:
                connections.discard(task)
                writer.transport.abort()

        server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=ssl)
        servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    yield start
    for server in servers:
        server.close()
    for task in list(connections):
        task.cancel()
    await asyncio.gather(*connections, return_exceptions=True)


@pytest.fixture
async def tools() -> AsyncIterator[Tools]:
    made = Tools(AddressBook([]))
    yield made
    await made.close()


@pytest.fixture
def ask(tools: Tools) -> Ask:
    """`await ask(url, timeout=…, …)` probes once with the settings named."""

    async def once(url: str, **settings: object) -> Outcome:
        probe = complete_probe({"timeout": 5.0} | settings)
        return await run(kind_named(probe.kind).prepare(url, probe, tools), probe.timeout)

    return once


@pytest.fixture
def closed_port() -> int:
    """A port of loopback on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def nameserver() -> Iterator[Nameserver]:
    resolver = Nameserver()
    server = DNSServer(resolver, port=0, address="127.0.0.1", logger=Quiet())
    resolver.port = server.server.server_address[1]
    thread = threading.Thread(target=server.server.serve_forever, args=(0.01,))
    thread.start()
    yield resolver
    server.server.shutdown()
    thread.join()
    server.server.server_close()


@pytest.fixture
def changes() -> Changes:
    """What a monitor reports."""
    return Changes()


@pytest.fixture
async def watch(changes: Changes) -> AsyncIterator[Callable[..., Awaitable[Monitor]]]:
    """`await watch(target, …)` starts a monitor and waits for its first round."""
    started: list[Monitor] = []

    async def start(*targets: Target) -> Monitor:
        monitor = Monitor(targets, on_change=changes, rng=random.Random(7))
        started.append(monitor)
        await monitor.start()
        async with asyncio.timeout(20):
            await monitor.first_round()
        return monitor

    yield start
    for monitor in started:
        await monitor.stop()
