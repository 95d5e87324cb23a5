"""The tcp probe: a handshake and nothing more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace
from typing import cast

import pytest
from harness.virtual import VirtualLoop

from resolverd.config.probe_layers import complete_probe
from resolverd.health.addresses import AddressBook
from resolverd.health.kinds.kind import kind_named
from resolverd.health.kinds.tcp import TcpProbe
from resolverd.health.lookup import Found, LookupFailedError, RRType
from resolverd.health.outcome import Outcome
from resolverd.health.probes import Tools, run

Serve = Callable[..., Awaitable[int]]
Ask = Callable[..., Awaitable[Outcome]]


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


@pytest.mark.parametrize("scheme", ["tcp", "http", "https"])
async def test_an_open_port_serves(serve: Serve, ask: Ask, scheme: str) -> None:
    port = await serve(silent)
    outcome = await ask(f"{scheme}://127.0.0.1:{port}", kind="tcp")
    assert (outcome.ok, outcome.reason) == (True, "connected")


async def test_the_connection_is_closed_at_once(serve: Serve, ask: Ask) -> None:
    closed = asyncio.Event()

    async def wait_for_the_end(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        try:
            assert await reader.read() == b""
        except ConnectionResetError:
            closed.set()
        closed.set()

    port = await serve(wait_for_the_end)
    assert (await ask(f"tcp://127.0.0.1:{port}", kind="tcp")).ok
    async with asyncio.timeout(10):
        await closed.wait()


async def test_a_closed_port_is_refused(ask: Ask, closed_port: int) -> None:
    outcome = await ask(f"tcp://127.0.0.1:{closed_port}", kind="tcp")
    assert (outcome.ok, outcome.reason) == (False, "connection refused")


@pytest.mark.parametrize("url", ["tcp://127.0.0.1", "tcp://", "127.0.0.1:80"])
async def test_a_url_without_host_and_port_is_refused_when_it_is_prepared(
    tools: Tools, url: str
) -> None:
    with pytest.raises(ValueError, match="tcp://host:port"):
        kind_named("tcp").prepare(url, TcpProbe(), tools)


@pytest.fixture
async def named() -> AsyncIterator[Tools]:
    """Tools that know ``two.example`` at two addresses, the first of which refuses."""

    async def lookup(hostname: str, rrtype: RRType) -> Found:
        if hostname != "two.example":
            raise LookupFailedError("NXDOMAIN")
        return Found(("127.0.0.2", "127.0.0.1") if rrtype == "A" else (), 60.0)

    book = AddressBook(["two.example", "gone.example"], lookup=lookup, local=True)
    await book.start()
    tools = Tools(book)
    yield tools
    await tools.close()
    await book.stop()


@pytest.mark.parametrize("kind", ["tcp", "http"])
async def test_every_address_of_a_name_is_tried(serve: Serve, named: Tools, kind: str) -> None:
    async def healthy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await reader.read()

    port = await serve(healthy)
    settings = complete_probe({"kind": kind, "timeout": 5})
    outcome = await run(kind_named(kind).prepare(f"http://two.example:{port}", settings, named), 5)
    assert outcome.ok, outcome.reason


@pytest.mark.parametrize("kind", ["tcp", "http"])
async def test_a_name_without_addresses_is_a_failure_with_a_reason(named: Tools, kind: str) -> None:
    settings = complete_probe({"kind": kind, "timeout": 5})
    outcome = await run(kind_named(kind).prepare("http://gone.example:80", settings, named), 5)
    assert (outcome.ok, outcome.reason) == (False, "name not resolved: no address known")


def test_what_an_address_leaves_of_the_timeout_is_for_those_that_are_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first refuses at once, and the second takes three quarters of the time."""

    class Two:
        async def addresses(self, _host: str) -> tuple[str, ...]:
            return "192.0.2.1", "192.0.2.2"

    async def connect(address: str, _port: int) -> tuple[None, SimpleNamespace]:
        if address == "192.0.2.1":
            raise ConnectionRefusedError
        await asyncio.sleep(1.5)
        return None, SimpleNamespace(transport=SimpleNamespace(abort=lambda: None))

    async def probed() -> Outcome:
        settings = TcpProbe(timeout=2)
        return await run(
            kind_named("tcp").prepare("tcp://two.example:80", settings, cast("Tools", Two())), 2
        )

    monkeypatch.setattr("asyncio.open_connection", connect)
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        outcome = runner.run(probed())
    assert (outcome.ok, outcome.reason) == (True, "connected")
