"""One request over a plain socket: in whatever segments it is answered, and however it ends."""

from __future__ import annotations

import asyncio
import os
import select
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
from yarl import URL

from resolverd.health.kinds.http import HttpProbe
from resolverd.health.outcome import Outcome
from resolverd.health.probes import Tools
from resolverd.health.probes.http import prepare
from resolverd.health.probes.http_attempt import HttpAttempt
from resolverd.health.probes.plain_client import PlainClient, Response
from resolverd.health.probes.plain_exchange import Exchange
from resolverd.health.probes.plain_request import PlainRequest, plain_request
from resolverd.health.probes.poller import Poller

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


class Watched:
    """Answers with what is odd at once, keeps the connection open, and tells of its end."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()

    async def handle(self, reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nup to the end")
        await writer.drain()
        await reader.read()
        self.ended.set()


async def test_a_probe_that_is_ended_as_its_response_turns_out_odd_leaves_no_connection(
    serve: Serve, tools: Tools
) -> None:
    """No turn of the loop between the two: the task that would read on never begins."""
    server = Watched()
    url = f"http://127.0.0.1:{await serve(server.handle)}"
    ask = prepare(url, HttpProbe(), tools)
    assert tools.plain is not None
    attempt = HttpAttempt(ask, tools.plain, "127.0.0.1", 5.0, lambda *_: None)
    while not attempt.odd:  # noqa: ASYNC110 - no turn of the loop may lie between
        await asyncio.sleep(0)
    attempt.cancel()
    async with asyncio.timeout(5):
        await server.ended.wait()


@pytest.mark.parametrize(
    ("first", "second", "last"),
    [
        (b"\r\n", b"not ", b"dead"),
        (b"Transfer-Encoding: chunked\r\n\r\n4;odd=1\r\n", b"not \r\n", b"4\r\ndead\r\n0\r\n\r\n"),
    ],
    ids=["up to the end", "an extension of a chunk"],
)
async def test_an_odd_response_whose_next_octets_come_in_the_same_turn_is_read_once(
    first: bytes, second: bytes, last: bytes, tools: Tools
) -> None:
    """Of many sockets that are ready a turn takes several batches, and no task begins between."""
    assert tools.plain is not None
    poller, told = tools.plain.poller, asyncio.Queue[Outcome | Exception]()

    def see_to_some() -> None:
        asyncio.get_running_loop().remove_reader(poller._epoll.fileno())
        select.select([poller._epoll.fileno()], [], [], 20)
        poller._see_to_some()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        ask = prepare(url, HttpProbe(expect_body="not dead"), tools)
        attempt = HttpAttempt(
            ask, tools.plain, "127.0.0.1", 20.0, lambda _, outcome: told.put_nowait(outcome)
        )
        server, _ = listener.accept()
        with server:
            see_to_some()
            server.recv(4096)
            for octets in (b"HTTP/1.1 200 OK\r\n" + first, second):
                server.sendall(octets)
                see_to_some()
            poller._loop.add_reader(poller._epoll.fileno(), poller._turn)
            await asyncio.sleep(0)
            server.sendall(last)
    async with asyncio.timeout(20):
        outcome = await told.get()
    assert isinstance(outcome, Outcome)
    assert (outcome.ok, outcome.reason) == (True, "HTTP 200")
    assert attempt.task is not None


async def test_whoever_stops_to_wait_as_a_response_turns_out_odd_leaves_no_connection(
    serve: Serve, client: PlainClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Watched()
    port = await serve(server.handle)
    odd: list[bool] = []
    be_odd = Exchange._be_odd

    def noted(exchange: Exchange) -> None:
        be_odd(exchange)
        odd.append(True)

    monkeypatch.setattr(Exchange, "_be_odd", noted)
    asked = asyncio.create_task(client.ask(request(port), "127.0.0.1", limit=99))
    while not odd:  # noqa: ASYNC110 - no turn of the loop may lie between
        await asyncio.sleep(0)
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    async with asyncio.timeout(5):
        await server.ended.wait()


async def test_a_connection_that_was_taken_over_and_cannot_be_watched_is_closed(
    client: PlainClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise MemoryError

    class Taking(Exchange):
        def ended(self) -> None:
            raise AssertionError("nothing is known of it")

    monkeypatch.setattr(client.poller, "add", refuse)
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.setblocking(False)
        with pytest.raises(MemoryError) as held:  # and with it the frames in which it was raised
            Taking(client.poller, request(1), 9).take_over(b"", 0, ours.detach(), 0)
        assert theirs.recv(1) == b""
        assert held.traceback


async def test_a_descriptor_that_a_fork_holds_open_speaks_for_no_other_socket() -> None:
    """A standby is forked with all of them, and closes them a moment later."""
    poller, told = Poller(), list[int]()
    first, peer = socket.socketpair()
    other = socket.socket()  # not connected: nothing ever comes in there
    number = first.fileno()
    poller.add(number, lambda _: None)
    held = os.dup(number)
    try:
        poller.remove(number)
        first.close()
        os.dup2(other.fileno(), number)
        poller.add(number, told.append)
        await asyncio.sleep(0.01)
        before = list(told)
        peer.send(b"to the one that is closed")
        for _ in range(20):
            await asyncio.sleep(0)
        assert told == before
    finally:
        poller.close()
        os.close(held)
        os.close(number)
        other.close()
        peer.close()
