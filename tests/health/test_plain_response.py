"""What is read by patterns is what that of all responses reads: same status, same body."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_probe_http_like_curl import REFUSED, TAKEN, TAKEN_TO_THE_END, sending

from resolverd.config.probe_layers import complete_probe
from resolverd.health.kinds.kind import kind_named
from resolverd.health.probes import Tools, run
from resolverd.health.probes.library_reading import LibraryReading
from resolverd.health.probes.plain_exchange import Exchange
from resolverd.health.probes.plain_response import (
    MAX_CHUNKS,
    MAX_HEAD,
    MORE,
    ODD,
    PlainHead,
    place_of_body,
    read_body,
    read_head,
)
from resolverd.health.probes.poller import Poller
from resolverd.health.probes.run import run_task

Serve = Callable[..., Awaitable[int]]
LIMIT = 64 * 1024
OK = b"HTTP/1.1 200 OK\r\n"
PLAIN: dict[str, tuple[bytes, int, bytes]] = {
    "a length": (OK + b"Content-Length: 2\r\n\r\nok", 200, b"ok"),
    "a length and more headers": (
        OK + b"Server: x\r\ncontent-length:2\r\nDate: now\r\n\r\nok", 200, b"ok"
    ),
    "no body": (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", 503, b""),
    "no reason phrase": (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
    "one chunk": (
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 200, b"ok"
    ),
    "chunks": (
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\nA\r\n0123456789\r\n0\r\n\r\n",
        200, b"ok0123456789",
    ),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
    "octets after the length": (OK + b"Content-Length: 2\r\n\r\nok and more", 200, b"ok"),
}  # fmt: skip


class Begun:
    """An exchange whose connection has brought these octets, and is open."""

    def __init__(
        self, received: bytes, poller: Poller, sock: socket.socket, *, headers_only: bool
    ) -> None:
        self.received, self.headers_only = received, headers_only
        self.poller, self._socket = poller, sock

    def detach(self) -> socket.socket:
        """Its connection."""
        return self._socket

    def close(self) -> None:
        """Whoever has the connection closes it."""


def by_library(received: bytes, *, headers_only: bool, limit: int = LIMIT) -> tuple[int, bytes]:
    """What the parser of all responses reads, without an end of the connection.

    Raises what it raises, and TimeoutError where it waits for more.
    """

    async def read() -> tuple[int, bytes]:
        poller, (ours, theirs) = Poller(), socket.socketpair()
        ours.setblocking(False)
        poller.add(ours.fileno(), lambda _: None)
        begun = Begun(received, poller, ours, headers_only=headers_only)
        reading = LibraryReading(cast(Exchange, begun))
        try:
            async with asyncio.timeout(5):
                return await reading.status(), await reading.body(limit)
        finally:
            reading.close()
            ours.close()
            theirs.close()
            poller.close()

    return asyncio.run(read())


def at_a_glance(received: bytes, *, headers_only: bool, limit: int = LIMIT) -> Any:
    """The same at a glance; ODD and MORE are no answer."""
    head = read_head(received, headers_only=headers_only)
    if not isinstance(head, PlainHead):
        return head
    body = read_body(received, head, limit)
    return (head.status, body) if isinstance(body, bytes) else body


def in_a_room(received: bytes, *, headers_only: bool, limit: int = LIMIT) -> Any:
    """The same of octets that lie in a room, amid others."""
    room = bytearray(b"HTTP/1.1 " + received + b"\r\n0\r\n\r\n")
    lying = memoryview(room)[9 : 9 + len(received)]
    head = read_head(lying, headers_only=headers_only)
    if not isinstance(head, PlainHead):
        return head
    body = read_body(lying, head, limit)
    if (place := place_of_body(lying, head)) is not None:
        assert body == received[slice(*place)][:limit]
    return (head.status, body) if isinstance(body, bytes) else body


@pytest.mark.parametrize("name", PLAIN)
def test_a_common_response_is_read(name: str) -> None:
    received, status, body = PLAIN[name]
    assert at_a_glance(received, headers_only=False) == (status, body)
    assert by_library(received, headers_only=False) == (status, body)


@pytest.mark.parametrize("name", [name for name in PLAIN if PLAIN[name][2] and name != "chunks"])
def test_a_body_in_one_piece_is_found_where_it_lies(name: str) -> None:
    received, _, body = PLAIN[name]
    head = read_head(received, headers_only=False)
    assert isinstance(head, PlainHead)
    place = place_of_body(received, head)
    assert place is not None
    assert received[slice(*place)] == body


@pytest.mark.parametrize("name", PLAIN)
def test_what_is_still_to_come_is_waited_for(name: str) -> None:
    received, status, body = PLAIN[name]
    told = [at_a_glance(received[:n], headers_only=False) for n in range(len(received))]
    assert {told_ for told_ in told if told_ is not MORE} <= {(status, body)}


@pytest.mark.parametrize(
    "received",
    [
        OK + b"\r\n",  # up to the end of the connection
        OK + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nok",
        OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        OK + b"Content-Length: 2x\r\n\r\nok",
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
        OK + b"X-A: one\r\n two\r\nContent-Length: 2\r\n\r\nok",
        OK + b"Upgrade: h2c\r\nContent-Length: 2\r\n\r\nok",
        OK + b"X-A: caf\xe9\r\nContent-Length: 2\r\n\r\nok",
        OK + b"X-A : b\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nok",
        b"HTTP/2 200 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n",
        OK + b"X: " + b"y" * MAX_HEAD,
        OK + b"Transfer-Encoding: chunked\r\n\r\n2;a=b\r\nok\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-T: 1\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * (MAX_CHUNKS + 1),
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok3\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n and more",
    ],
)
def test_all_else_is_left_to_the_parser_of_all_responses(received: bytes) -> None:
    assert at_a_glance(received, headers_only=False) is ODD


LINES = st.sampled_from(
    [b"Content-Length: 4", b"content-length:4 ", b"Content-Length: 04", b"Content-Length: 4, 4",
     b"Content-Length: +4", b"Content-Length: 18446744073709551616", b"Content-Length:",
     b"Transfer-Encoding: chunked", b"transfer-encoding: CHUNKED", b"Transfer-Encoding: identity",
     b"Transfer-Encoding:", b"Connection: close", b"Connection: keep-alive", b"Connection: Upgrade",
     b"Upgrade: x", b"Server: a", b"X-A:", b": a", b"a b: c", b" folded", b"X\x00: a", b"X: \x7f",
     b"Content-Encoding: gzip", b"Trailer: X-T", b"Keep-Alive: timeout=5", b"Set-Cookie: a=b"]
)  # fmt: skip
STARTS = st.sampled_from(
    [b"HTTP/1.1 200 OK", b"HTTP/1.1 204 No Content", b"HTTP/1.1 304 Not Modified", b"HTTP/1.1 200",
     b"HTTP/1.0 200 OK", b"HTTP/1.1 503 ", b"HTTP/1.1 599 x", b"HTTP/1.1  200 OK", b"HTTP/1.1 9 x",
     b"HTTP/1.1 600 x", b"HTTP/1.1 101 x", b"http/1.1 200 OK", b"HTTP/1.1 2000 x"]
)  # fmt: skip
BODIES = st.sampled_from(
    [b"", b"abcd", b"abcdefgh", b"4\r\nabcd\r\n0\r\n\r\n", b"4\r\nabcd\r\n", b"0\r\n\r\n",
     b"2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n", b"4\r\nabcd\r\n0\r\n\r\nmore", b"04\r\nabcd\r\n00\r\n\r\n",
     b"4 \r\nabcd\r\n0\r\n\r\n", b"4\nabcd\n0\n\n", b"ffffffff\r\nabcd", b"4\r\nabcde\r\n0\r\n\r\n",
     b"-4\r\nabcd\r\n0\r\n\r\n", b"4\r\nabcd0\r\n\r\n", b"0\r\nX: y\r\n\r\n"]
)  # fmt: skip


@st.composite
def responses(draw: st.DrawFn) -> bytes:
    """Heads and bodies that fit together or do not, some of them with an octet changed."""
    lines = [draw(STARTS), *draw(st.lists(LINES, max_size=4))]
    ends = st.sampled_from([b"\r\n"] * 12 + [b"\n", b"\r"])
    octets = bytearray(b"".join(line + draw(ends) for line in lines) + b"\r\n" + draw(BODIES))
    if draw(st.booleans()):
        octets[draw(st.integers(0, len(octets) - 1))] = draw(st.integers(0, 255))
    return bytes(octets)


@settings(max_examples=400, deadline=None)
@given(responses(), st.booleans(), st.integers(1, 8))
@example(OK + b"Content-Length: 4\r\n\r\nabcdef", False, 2)
@example(OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n", False, 4)
@example(OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n", False, 1)
@example(OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\nmore", False, 1)
@example(OK + b"Content-Length: 8\r\n\r\nabcd", False, 2)
def test_never_read_otherwise_than_by_the_parser_of_all_responses(
    received: bytes, headers_only: bool, limit: int
) -> None:
    """Nothing is looked at behind the octets that are wanted, where the library may find fault."""
    told = at_a_glance(received, headers_only=headers_only, limit=limit)
    if told in (ODD, MORE):
        return
    if at_a_glance(received, headers_only=headers_only) in (ODD, MORE):
        ends = (received[:n] for n in range(len(received) + 1))
        received = next(
            begun
            for begun in ends
            if at_a_glance(begun, headers_only=headers_only, limit=limit) not in (ODD, MORE)
        )
    assert told == by_library(received, headers_only=headers_only, limit=limit)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400) | responses(), st.booleans())
def test_whatever_comes_nothing_raises_and_a_beginning_says_nothing_else(
    received: bytes, headers_only: bool
) -> None:
    whole = at_a_glance(received, headers_only=headers_only)
    assert in_a_room(received, headers_only=headers_only) == whole
    for end in range(0, len(received), 7):
        part = at_a_glance(received[:end], headers_only=headers_only)
        assert part in (ODD, MORE) or part == whole or whole is ODD
        assert in_a_room(received[:end], headers_only=headers_only) == part


@pytest.mark.parametrize("name", [*TAKEN, *TAKEN_TO_THE_END, *REFUSED])
async def test_a_probe_says_of_an_odd_response_what_it_says_by_the_library_alone(
    name: str, serve: Serve, tools: Tools
) -> None:
    to_the_end = name in TAKEN_TO_THE_END
    answer = TAKEN.get(name) or TAKEN_TO_THE_END.get(name) or REFUSED[name][0]
    port = await serve(sending(answer, end=True) if to_the_end else sending(answer))
    probe = complete_probe({"timeout": 5.0, "expect_body": "ok"})
    ask = kind_named("http").prepare(f"http://127.0.0.1:{port}", probe, tools)
    directly, by_task = await run(ask, probe.timeout), await run_task(ask, probe.timeout)
    assert (directly.ok, directly.reason) == (by_task.ok, by_task.reason)
    assert (directly.responded, directly.condition) == (by_task.responded, by_task.condition)
