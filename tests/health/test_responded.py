"""Whether anything came back at all: what tells a dead endpoint from a host that is cut off."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import Awaitable, Callable

import pytest

from resolverd.health.outcome import Outcome
from resolverd.health.probes.reasons import is_response

Serve = Callable[..., Awaitable[int]]
Ask = Callable[..., Awaitable[Outcome]]
Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter


async def accepts_and_hangs(reader: Reader, _writer: Writer) -> None:
    await reader.read()


async def stalls_in_the_body(reader: Reader, writer: Writer) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
    await reader.read()


async def plain_text(_reader: Reader, writer: Writer) -> None:
    writer.write(b"220 mail.example.test ESMTP\r\n")
    await writer.drain()


async def hangs_up(reader: Reader, _writer: Writer) -> None:
    await reader.readuntil(b"\r\n\r\n")


@pytest.mark.parametrize("handler", [accepts_and_hangs, stalls_in_the_body, hangs_up, plain_text])
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_whoever_finished_a_tcp_handshake_has_responded(
    serve: Serve, ask: Ask, handler: Callable[[Reader, Writer], Awaitable[None]], scheme: str
) -> None:
    seen = await ask(f"{scheme}://127.0.0.1:{await serve(handler)}", timeout=0.3)
    assert (seen.ok, seen.responded) == (False, True)
    assert seen.connect is not None


async def test_a_handshake_that_nobody_finishes_is_unheard(ask: Ask) -> None:
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as server,
        contextlib.ExitStack() as full,
    ):
        address = server.getsockname()
        for _ in range(2):  # the queue is full, and further SYNs are dropped
            client = full.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(address)
        seen = await ask(f"http://127.0.0.1:{address[1]}", timeout=0.3)
    assert (seen.ok, seen.responded, seen.connect) == (False, False, None)


@pytest.mark.parametrize("kind", ["http", "tcp"])
async def test_a_refusal_is_heard(ask: Ask, closed_port: int, kind: str) -> None:
    seen = await ask(f"http://127.0.0.1:{closed_port}", kind=kind)
    assert (seen.reason, seen.responded) == ("connection refused", True)


@pytest.mark.parametrize("kind", ["http", "tcp"])
async def test_a_name_that_is_not_resolved_is_unheard(ask: Ask, kind: str) -> None:
    seen = await ask("http://nowhere.invalid:80", kind=kind)
    assert seen.reason.startswith("name not resolved")
    assert not seen.responded


@pytest.mark.parametrize(
    ("error", "responded"),
    [
        (OSError(errno.ECONNREFUSED, ""), True),
        (OSError(errno.ECONNRESET, ""), True),
        (ssl.SSLError(1, "handshake failure"), True),
        (OSError(errno.EHOSTUNREACH, ""), False),
        (OSError(errno.ENETUNREACH, ""), False),
        (OSError(errno.EMFILE, ""), False),
        (OSError(errno.ENOSPC, ""), False),
        (OSError(errno.ENOMEM, ""), False),
        (OSError(errno.EAFNOSUPPORT, ""), False),
        (OSError("name not resolved: no address known"), False),
        (ValueError("a header that cannot be sent"), True),
    ],
)
def test_what_this_host_says_to_itself_is_unheard(error: Exception, responded: bool) -> None:
    assert is_response(error) is responded
