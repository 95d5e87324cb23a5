"""Connections of the admin API: bounded in number and in time; idle ones keep nobody out."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from admin_client import TIMEOUT, AdminClient, addresses, opened, replace, until
from aiohttp import web
from harness.daemon import running

from resolverd.admin import clients
from resolverd.admin.serving import serve

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
WHOLE = b"GET /readyz HTTP/1.1\r\nHost: admin\r\n\r\n"


@asynccontextmanager
async def connected(
    admin: AdminClient, number: int, octets: bytes = b""
) -> AsyncIterator[list[Connection]]:
    """Connections to the port that have sent so much."""
    listener = admin.daemon.admin.listener
    assert listener is not None
    made = [await asyncio.open_connection(listener.address, listener.port) for _ in range(number)]
    try:
        for _, writer in made:
            writer.write(octets)
        yield made
    finally:
        for _, writer in made:
            writer.close()


async def ended(connection: Connection) -> bytes:
    """All that is read until the other side closes."""
    async with asyncio.timeout(TIMEOUT):
        try:
            return await connection[0].read()
        except ConnectionResetError:
            return b""


async def reply(connection: Connection) -> bytes:
    """The head of one response, whose body is read as well."""
    async with asyncio.timeout(TIMEOUT):
        head = await connection[0].readuntil(b"\r\n\r\n")
        (length,) = (
            int(line.split(b":")[1])
            for line in head.splitlines()
            if line.lower().startswith(b"content-length")
        )
        await connection[0].readexactly(length)
        return head


async def closed(admin: AdminClient, limit: str) -> float:
    """How many connections met a limit."""
    return await admin.sample("resolverd_admin_closed_total", limit=limit)


async def test_300_half_requests_keep_nobody_out(admin: AdminClient) -> None:
    async with connected(admin, 300, b"GET /state HTTP/1.1\r\nHost: ") as half:
        await asyncio.gather(*(ended(connection) for connection in half[:200]))
        assert await closed(admin, "connections") == 200
        assert (await admin.ask("GET", "/state")).status == 200
        assert (await admin.ask_http("GET", "/metrics")).status == 200
        assert (await admin.override("us-east", "drain")).status == 200
        assert addresses(await admin.dig("www.inference.example")) == {"192.0.2.80"}


async def test_the_one_that_asked_nothing_for_longest_makes_room(config: Path) -> None:
    replace(config, "[admin]\n", "[admin]\nconnections = 3\n")
    async with (
        running(config) as daemon,
        opened(daemon, config) as admin,
        connected(admin, 3, WHOLE) as first,
    ):
        for connection in first:
            await reply(connection)
        first[0][1].write(WHOLE)
        await reply(first[0])
        async with connected(admin, 1, WHOLE) as second:
            await reply(second[0])
            assert await ended(first[1]) == b""
            first[0][1].write(WHOLE)
            assert b"200" in await reply(first[0])


@pytest.mark.parametrize("half", [b"", b"GET /state HT"], ids=["nothing", "half"])
async def test_a_request_that_does_not_come_whole_is_closed(
    admin: AdminClient, monkeypatch: pytest.MonkeyPatch, half: bytes
) -> None:
    monkeypatch.setattr(clients, "REQUEST_TIMEOUT", 0.2)
    async with connected(admin, 1, half) as (one,):
        await ended(one)
    assert await closed(admin, "request") == 1


async def test_octets_that_trickle_win_no_time(
    admin: AdminClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "REQUEST_TIMEOUT", 0.3)
    async with connected(admin, 1, b"GET /state HTTP/1.1\r\n") as (one,):
        end = asyncio.create_task(ended(one))
        while not end.done():
            one[1].write(b"x: y\r\n")
            await asyncio.sleep(0.02)
    assert await closed(admin, "request") == 1


async def test_a_body_that_does_not_come_is_reported(
    admin: AdminClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "REQUEST_TIMEOUT", 0.2)
    head = b"POST /override HTTP/1.1\r\nHost: admin\r\nContent-Length: 100\r\n\r\n{"
    async with connected(admin, 1, head) as (one,):
        assert b"408" in await reply(one)
    assert await closed(admin, "request") == 1


async def test_a_connection_may_wait_between_requests(
    admin: AdminClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "REQUEST_TIMEOUT", 0.2)
    async with connected(admin, 1, WHOLE) as (one,):
        await reply(one)
        await asyncio.sleep(0.5)
        one[1].write(WHOLE)
        assert b"200" in await reply(one)


async def test_a_response_that_nobody_takes_is_given_up(
    admin: AdminClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "RESPONSE_TIMEOUT", 0.2)
    async with connected(admin, 1) as (one,):
        one[1].write(WHOLE.replace(b"readyz", b"metrics") * 2000)

        async def given_up() -> bool:
            return await closed(admin, "response") == 1

        await until(given_up)


@asynccontextmanager
async def large(octets: int, counted: Counter[str]) -> AsyncIterator[Connection]:
    """A connection to a listener that has been asked for a body of so many octets.

    The kernel holds little of it on the way.
    """

    async def body(_: web.Request) -> web.Response:
        return web.Response(body=bytes(octets))

    application = web.Application()
    application.router.add_get("/", body)
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
    listening.bind(("127.0.0.1", 0))
    at = listening.getsockname()
    serving = await serve(application, clients.Clients(5, counted), listening)
    asking = socket.socket()
    asking.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    asking.connect(at)
    connection = await asyncio.open_connection(sock=asking, limit=1 << 16)
    try:
        connection[1].write(b"GET / HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n")
        yield connection
    finally:
        connection[1].close()
        await serving.close()


async def taken(connection: Connection) -> int:
    """Octets that a client gets which is slower than loopback, and takes some again and again."""
    number = 0
    async with asyncio.timeout(TIMEOUT):
        with suppress(ConnectionResetError):
            while octets := await connection[0].read(1 << 16):
                number += len(octets)
                await asyncio.sleep(0.01)
    return number


async def test_a_client_that_goes_on_taking_its_response_gets_all_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(clients, "RESPONSE_TIMEOUT", 0.3)
    counted: Counter[str] = Counter()
    began = time.monotonic()
    async with large(6_000_000, counted) as connection:
        assert await taken(connection) > 6_000_000
    assert time.monotonic() - began > 0.6, "it was slower than one that takes nothing may be"
    assert not counted


async def test_a_client_that_takes_its_response_for_too_long_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(clients, "RESPONSE_TIMEOUT", 0.1)
    monkeypatch.setattr(clients, "TAKING_TIMEOUT", 0.2)
    counted: Counter[str] = Counter()
    async with large(40_000_000, counted) as connection:
        assert await taken(connection) < 40_000_000
    assert counted == {"response": 1}


async def test_a_request_that_came_while_the_daemon_had_no_cpu_is_answered(
    admin: AdminClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For longer than a request may take: its octets and the end of that time are met at once."""
    monkeypatch.setattr(clients, "REQUEST_TIMEOUT", 0.2)
    head, body = WHOLE.split(b"\r\n", 1)
    async with connected(admin, 3) as (nothing, half, other):
        other[1].write(WHOLE)
        await reply(other)  # so that those before it have been taken, too
        nothing[1].write(WHOLE)
        half[1].write(head + b"\r\n")
        half[1].write(body)
        time.sleep(1.0)  # noqa: ASYNC251 (it is what is tried: the loop is held)
        assert b"200" in await reply(nothing)
        assert b"200" in await reply(half)
    assert await closed(admin, "request") == 0
