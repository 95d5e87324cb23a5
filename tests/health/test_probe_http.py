"""The http probe against servers that fail in every way, on real sockets."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable

import pytest

from resolverd.health.kinds.http import HttpProbe
from resolverd.health.kinds.kind import kind_named
from resolverd.health.outcome import Outcome
from resolverd.health.probes import Tools
from resolverd.health.probes.http import MAX_READ

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter
Serve = Callable[..., Awaitable[int]]
Ask = Callable[..., Awaitable[Outcome]]


def response(status: str = "200 OK", body: bytes = b"ok", extra: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    return head.encode() + body


async def request(reader: Reader) -> str:
    return (await reader.readuntil(b"\r\n\r\n")).decode()


def answering(*answers: bytes) -> Callable[[Reader, Writer], Awaitable[None]]:
    """Answers each request of a connection with all of `answers`, then keeps it open."""

    async def handle(reader: Reader, writer: Writer) -> None:
        while True:
            await request(reader)
            for answer in answers:
                writer.write(answer)
            await writer.drain()

    return handle


@pytest.mark.parametrize(
    ("answer", "settings", "ok", "reason"),
    [
        (response(), {}, True, "HTTP 200"),
        (response("204 No Content", b""), {"expect_status": (200, 204)}, True, "HTTP 204"),
        (response("500 Internal Server Error"), {}, False, "HTTP 500"),
        (response("503 Service Unavailable"), {"expect_status": (503,)}, True, "HTTP 503"),
        (response(body=b"all is ready"), {"expect_body": "ready"}, True, "HTTP 200"),
        (
            response(body=b"loading"),
            {"expect_body": "ready"},
            False,
            'HTTP 200, body lacks "ready"',
        ),
        (response(body=b""), {"method": "HEAD"}, True, "HTTP 200"),
        (
            b"SSH-2.0-OpenSSH_9.2\r\n",
            {},
            False,
            "malformed HTTP response: Bad status line",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            {},
            False,
            None,
        ),
        (
            b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
            {},
            False,
            None,
        ),
    ],
)
async def test_status_and_text_decide(
    serve: Serve, ask: Ask, answer: bytes, settings: dict[str, object], ok: bool, reason: str | None
) -> None:
    port = await serve(answering(answer))
    outcome = await ask(f"http://127.0.0.1:{port}", **settings)
    assert outcome.ok is ok
    if reason is not None:
        assert outcome.reason.startswith(reason)
    assert len(outcome.reason) <= 120
    assert "\n" not in outcome.reason


async def test_refused(ask: Ask, closed_port: int) -> None:
    outcome = await ask(f"http://127.0.0.1:{closed_port}")
    assert (outcome.ok, outcome.reason) == (False, "connection refused")


async def never(reader: Reader, writer: Writer) -> None:
    await reader.read()


async def headers_then_nothing(reader: Reader, writer: Writer) -> None:
    await request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
    await reader.read()


async def drip(reader: Reader, writer: Writer) -> None:
    """A byte of body every few milliseconds, for ever: each read succeeds."""
    await request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while not writer.is_closing():
        writer.write(b".")
        await writer.drain()
        await asyncio.sleep(0.005)


async def drip_headers(reader: Reader, writer: Writer) -> None:
    await request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while not writer.is_closing():
        writer.write(b"a: b\r\n")
        await writer.drain()
        await asyncio.sleep(0.005)


async def continue_for_ever(reader: Reader, writer: Writer) -> None:
    await request(reader)
    while not writer.is_closing():
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.001)


@pytest.mark.parametrize(
    "handler", [never, headers_then_nothing, drip, drip_headers, continue_for_ever]
)
async def test_a_slow_server_never_holds_a_probe_beyond_its_timeout(
    serve: Serve, ask: Ask, handler: Callable[[Reader, Writer], Awaitable[None]]
) -> None:
    port = await serve(handler)
    async with asyncio.timeout(10):
        outcome = await ask(f"http://127.0.0.1:{port}", timeout=0.15)
    assert (outcome.ok, outcome.reason) == (False, "timed out after 0.15 s")


@pytest.mark.parametrize("expect_body", ["", "never there"])
async def test_a_flood_costs_no_more_than_64_kib_and_the_connection(
    serve: Serve, ask: Ask, expect_body: str
) -> None:
    ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def flood(reader: Reader, writer: Writer) -> None:
        await request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        sent = 0
        try:
            while True:
                writer.write(b"x" * 65536)
                sent += 65536
                await writer.drain()
        except ConnectionError:
            ended.set_result(sent)

    port = await serve(flood)
    outcome = await ask(f"http://127.0.0.1:{port}", expect_body=expect_body)
    assert outcome.ok is (expect_body == "")
    async with asyncio.timeout(10):
        # What the kernel buffers on both sides counts here too.
        assert await ended < 64 * 1024 * 1024


@pytest.mark.parametrize(("offset", "ok"), [(-5, True), (-4, False), (0, False)])
async def test_text_beyond_64_kib_is_not_seen(
    serve: Serve, ask: Ask, offset: int, ok: bool
) -> None:
    body = b"x" * (MAX_READ + offset) + b"ready" + b"x" * 1000
    port = await serve(answering(response(body=body)))
    assert (await ask(f"http://127.0.0.1:{port}", expect_body="ready")).ok is ok


async def test_a_redirect_is_an_answer_and_not_followed(serve: Serve, ask: Ask) -> None:
    followed = False

    async def elsewhere(reader: Reader, writer: Writer) -> None:
        nonlocal followed
        followed = True

    there = await serve(elsewhere)
    moved = response("302 Found", b"", f"Location: http://127.0.0.1:{there}/\r\n")
    port = await serve(answering(moved))
    assert (await ask(f"http://127.0.0.1:{port}")).reason == "HTTP 302"
    assert (await ask(f"http://127.0.0.1:{port}", expect_status=(302,))).ok
    assert not followed


async def test_a_gzip_bomb_is_not_unpacked(serve: Serve, ask: Ask) -> None:
    bomb = gzip.compress(b"ready" * 10_000_000)
    port = await serve(answering(response(body=bomb, extra="Content-Encoding: gzip\r\n")))
    outcome = await ask(f"http://127.0.0.1:{port}", expect_body="ready")
    assert outcome.reason == 'HTTP 200, body lacks "ready"'


async def test_a_body_cut_short_is_a_failure(serve: Serve, ask: Ask) -> None:
    async def cut(reader: Reader, writer: Writer) -> None:
        await request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    port = await serve(cut)
    assert (await ask(f"http://127.0.0.1:{port}")).reason == "response cut short"


async def test_the_request_is_what_the_operator_wrote(serve: Serve, ask: Ask) -> None:
    seen: list[str] = []

    async def record(reader: Reader, writer: Writer) -> None:
        seen.append(await request(reader))
        seen.append((await reader.readexactly(7)).decode())
        writer.write(response())
        await reader.read()

    port = await serve(record)
    outcome = await ask(
        f"http://127.0.0.1:{port}/ignored?too=1",
        method="POST",
        path="/v1/ready?deep=1",
        body='{"a":1}',
        headers={"Authorization": "Bearer t", "user-agent": "mine"},
        host="chat.example",
    )
    assert outcome.ok
    line, *headers = seen[0].rstrip().split("\r\n")
    assert line == "POST /v1/ready?deep=1 HTTP/1.1"
    assert {"Host: chat.example", "Authorization: Bearer t"} <= set(headers)
    assert [h.split(": ")[1] for h in headers if h.lower().startswith("user-agent")] == ["mine"]
    assert seen[1] == '{"a":1}'


async def test_the_host_header_is_the_urls_own_by_default(serve: Serve, ask: Ask) -> None:
    seen: list[str] = []

    async def record(reader: Reader, writer: Writer) -> None:
        seen.append(await request(reader))
        writer.write(response())
        await reader.read()

    port = await serve(record)
    assert (await ask(f"http://127.0.0.1:{port}")).ok
    assert f"Host: 127.0.0.1:{port}\r\n" in seen[0]
    assert seen[0].startswith("GET /health HTTP/1.1\r\n")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
async def test_each_probe_opens_a_connection_of_its_own(
    serve: Serve, ask: Ask, method: str
) -> None:
    connections = 0
    answer = answering(response())  # with a body, which poisons the next answer on one connection

    async def counting(reader: Reader, writer: Writer) -> None:
        nonlocal connections
        connections += 1
        await answer(reader, writer)

    port = await serve(counting)
    for _ in range(5):
        outcome = await ask(f"http://127.0.0.1:{port}", method=method)
        assert (outcome.ok, outcome.reason) == (True, "HTTP 200")
    assert connections == 5


async def test_a_listener_that_closed_is_down_for_the_next_probe(ask: Ask) -> None:
    """Whoever had a connection goes on being answered; a new client is refused."""

    async def answer_once(reader: Reader, writer: Writer) -> None:
        await request(reader)
        writer.write(response())
        await reader.read()
        writer.close()

    server = await asyncio.start_server(answer_once, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert (await ask(f"http://127.0.0.1:{port}")).ok
    server.close()
    outcome = await ask(f"http://127.0.0.1:{port}")
    assert (outcome.ok, outcome.reason) == (False, "connection refused")


async def test_a_server_that_hangs_up_is_asked_once(serve: Serve, ask: Ask) -> None:
    connections = 0

    async def hang_up(reader: Reader, writer: Writer) -> None:
        nonlocal connections
        connections += 1
        await request(reader)

    port = await serve(hang_up)
    outcome = await ask(f"http://127.0.0.1:{port}")
    assert not outcome.ok
    assert outcome.reason in {"connection closed without an answer", "connection reset"}
    assert connections == 1


async def test_cookies_are_not_kept(serve: Serve, ask: Ask) -> None:
    seen: list[str] = []

    async def baker(reader: Reader, writer: Writer) -> None:
        while True:
            seen.append(await request(reader))
            writer.write(response(extra="Set-Cookie: a=b\r\n"))

    port = await serve(baker)
    await ask(f"http://127.0.0.1:{port}")
    await ask(f"http://127.0.0.1:{port}")
    assert len(seen) == 2
    assert "cookie" not in seen[1].lower()


async def test_no_proxy_of_the_environment_is_used(
    serve: Serve, ask: Ask, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port}")
    port = await serve(answering(response()))
    assert (await ask(f"http://127.0.0.1:{port}")).ok


@pytest.mark.parametrize("url", ["tcp://127.0.0.1:80", "ftp://h/", "not a url", "http://"])
async def test_a_url_that_is_not_http_is_refused_when_it_is_prepared(
    tools: Tools, url: str
) -> None:
    with pytest.raises(ValueError, match="URL"):
        kind_named("http").prepare(url, HttpProbe(), tools)
