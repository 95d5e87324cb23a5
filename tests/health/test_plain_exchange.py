"""One request over a plain socket: in whatever segments it is answered, and however it ends."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
from harness.waiting import until_holds
from yarl import URL

from resolverd.health.kinds.http import HttpProbe
from resolverd.health.probes import plain_client
from resolverd.health.probes.http import prepare
from resolverd.health.probes.http_attempt import HttpAttempt
from resolverd.health.probes.plain_client import PlainClient, Response
from resolverd.health.probes.plain_request import PlainRequest, plain_request
from resolverd.health.probes.poller import READABLE, Poller
from resolverd.health.probes.tools import Tools

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter
Handler = Callable[[Reader, Writer], Awaitable[None]]
Serve = Callable[..., Awaitable[int]]
PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + b"0123456789" * 20_000
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n2\r\nay\r\n0\r\n\r\n"


@pytest.fixture
async def client() -> AsyncIterator[PlainClient]:
    made = PlainClient()
    yield made
    made.close()


def request(port: int) -> PlainRequest:
    made = plain_request("GET", URL(f"http://127.0.0.1:{port}/"), {})
    assert made is not None
    return made


def answering(
    answer: bytes, octets: int, *, end: bool = False
) -> Callable[[Reader, Writer], object]:
    """Answers in segments of so many octets."""

    async def handle(reader: Reader, writer: Writer) -> None:
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await reader.readuntil(b"\r\n\r\n")
        for at in range(0, len(answer), octets):
            writer.write(answer[at : at + octets])
            await writer.drain()
            await asyncio.sleep(0)
        if end:
            writer.close()
        await reader.read()

    return handle


@pytest.mark.parametrize("octets", [1, 7, 1000])
async def test_segments_do_not_matter(octets: int, serve: Serve, client: PlainClient) -> None:
    port = await serve(answering(CHUNKED, octets))
    assert await client.ask(request(port), "127.0.0.1", limit=100) == Response(200, b"okay")


@pytest.mark.parametrize("limit", [10, 70_000, 1_000_000])
async def test_a_long_body_is_read_up_to_the_limit(
    limit: int, serve: Serve, client: PlainClient
) -> None:
    port = await serve(answering(PAGE, 50_000))
    status, body = await client.ask(request(port), "127.0.0.1", limit=limit)
    assert (status, len(body)) == (200, min(limit, 200_000))
    assert body == (b"0123456789" * 20_000)[:limit]


async def test_a_body_that_is_not_wanted_is_not_waited_for(
    serve: Serve, client: PlainClient
) -> None:
    port = await serve(answering(b"HTTP/1.1 503 x\r\nContent-Length: 9\r\n\r\n", 1000))
    asked = client.ask(request(port), "127.0.0.1", limit=9, wants=lambda status: status == 200)
    assert await asked == Response(503, b"")


async def test_what_fails_is_told_as_the_library_tells_it(
    serve: Serve, client: PlainClient, closed_port: int
) -> None:
    with pytest.raises(ConnectionRefusedError):
        await client.ask(request(closed_port), "127.0.0.1", limit=9)
    port = await serve(
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", 99, end=True)
    )
    with pytest.raises(aiohttp.ClientPayloadError):
        await client.ask(request(port), "127.0.0.1", limit=9)
    port = await serve(answering(b"", 1, end=True))
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await client.ask(request(port), "127.0.0.1", limit=9)


async def test_of_many_at_once_each_has_its_own_answer_though_others_are_cancelled(
    serve: Serve, client: PlainClient
) -> None:
    """Descriptors of those that were cancelled are used again at once."""

    async def echo(reader: Reader, writer: Writer) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        body = head.split()[1]
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        await reader.read()

    port = await serve(echo)

    async def one(number: int) -> None:
        made = plain_request("GET", URL(f"http://127.0.0.1:{port}/{number}"), {})
        assert made is not None
        asked = asyncio.create_task(client.ask(made, "127.0.0.1", limit=99))
        if number % 3 == 0:
            await asyncio.sleep(0)
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
        else:
            assert await asked == Response(200, b"/%d" % number)

    async with asyncio.timeout(30):
        for _ in range(3):
            await asyncio.gather(*[one(number) for number in range(150)])


@pytest.mark.parametrize("way", ["awaited", "attempt"])
async def test_one_that_is_cancelled_as_its_response_turns_out_odd_leaves_no_connection(
    way: str, serve: Serve, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has begun to read on by then."""
    ended = asyncio.Event()

    async def handle(reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nof no length")
        try:
            await reader.read()
        finally:
            ended.set()

    port = await serve(handle)
    if way == "attempt":
        read_on = HttpAttempt._read_on

        def cancelled(attempt: HttpAttempt) -> None:
            read_on(attempt)
            attempt.cancel()

        monkeypatch.setattr(HttpAttempt, "_read_on", cancelled)
        ask = prepare(f"http://127.0.0.1:{port}", HttpProbe(), tools)
        assert ask.begin(60.0, lambda *_: None) is not None
    else:
        awaited = plain_client._Awaited.ended

        def ended_and_cancelled(exchange: plain_client._Awaited) -> None:
            awaited(exchange)
            asked.cancel()

        monkeypatch.setattr(plain_client._Awaited, "ended", ended_and_cancelled)
        assert tools.plain is not None
        asked = asyncio.create_task(tools.plain.ask(request(port), "127.0.0.1", limit=9))
        with pytest.raises(asyncio.CancelledError):
            await asked
    async with asyncio.timeout(30):
        await ended.wait()


async def test_a_socket_that_a_fork_still_has_is_not_taken_for_another_of_its_number() -> None:
    """Closing it here does not take it out of the epoll instance then (epoll(7))."""
    poller = Poller()
    old, peer_of_old = socket.socketpair()
    new, peer_of_new = socket.socketpair()
    number, heard = old.fileno(), list[int]()
    poller.add(number, lambda _: None)
    forked = os.dup(number)
    poller.remove(number)
    old.close()
    os.dup2(new.fileno(), number)
    poller.add(number, heard.append)
    try:
        peer_of_old.send(b"for the old one")
        for _ in range(5):
            await asyncio.sleep(0)
        assert heard
        assert not any(events & READABLE for events in heard)
        peer_of_new.send(b"for the new one")
        await until_holds(lambda: bool(heard[-1] & READABLE), within=30)
    finally:
        poller.close()
        for descriptor in (number, forked):
            os.close(descriptor)
        for sock in (peer_of_old, new, peer_of_new):
            sock.close()
