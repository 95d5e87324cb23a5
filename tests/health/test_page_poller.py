"""Pages asked for by the native library: what ends is told once, and nothing else is."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resolverd.abi.exchanges import (
    MAX_SERIES,
    ConnectionFailed,
    ExpectedPage,
    OtherCame,
    PageRead,
    Record,
    Shown,
)
from resolverd.abi.library import why_not
from resolverd.abi.pages import PageLayout, SeriesReader
from resolverd.health.probes import page_poller
from resolverd.health.probes.page_poller import PagePoller
from resolverd.health.probes.plain_response import PlainHead, place_of_body, read_head

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))

Serve = Callable[..., Awaitable[int]]
REQUEST = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
PAGE = b'# HELP\nvllm:running{engine="0"} 3.5\nstarted_at 7\n'
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(PAGE) + PAGE
LAYOUT = [b"vllm:running", b"started_at"], [b'vllm:running{engine="0"}', b"started_at"]


class Asking:
    """Remembers what it is told."""

    def __init__(self, then: Callable[[], object] = lambda: None) -> None:
        self.told: list[Record] = []
        self.ended = asyncio.Event()
        self._then = then

    def page_read(self, read: PageRead) -> None:
        self._tell(read)

    def connection_failed(self, failed: ConnectionFailed) -> None:
        self._tell(failed)

    def other_came(self, other: OtherCame) -> None:
        self._tell(other)

    def _tell(self, record: Record) -> None:
        self.told.append(record)
        self.ended.set()
        self._then()


@contextmanager
def polling() -> Iterator[PagePoller]:
    poller = PagePoller()
    try:
        yield poller
    finally:
        poller.close()


def expected(port: int, address: str = "127.0.0.1") -> ExpectedPage:
    return ExpectedPage(address, port, REQUEST, PageLayout(*LAYOUT))


def answering(
    response: bytes, *, end: bool = False
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readuntil(b"\r\n\r\n") == REQUEST
        writer.write(response)
        await writer.drain()
        if end:
            writer.close()
        await reader.read()
        writer.close()

    return handle


async def told(poller: PagePoller, page: ExpectedPage) -> Record:
    asking = Asking()
    poller.begin(page, asking)
    async with asyncio.timeout(20):
        await asking.ended.wait()
    (record,) = asking.told
    return record


async def test_a_page_that_was_expected_is_told_by_its_values(serve: Serve) -> None:
    with polling() as poller:
        record = await told(poller, expected(await serve(answering(WHOLE))))
    assert isinstance(record, PageRead)
    assert record.values == [3.5, 7.0]
    assert 0 < record.connect < 20


@pytest.mark.parametrize(
    ("response", "end"),
    [(b"HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n", False), (WHOLE[:-3], True), (b"", True)],
)
async def test_whatever_else_comes_is_told_with_all_of_its_octets(
    response: bytes, *, end: bool, serve: Serve
) -> None:
    with polling() as poller:
        record = await told(poller, expected(await serve(answering(response, end=end))))
    assert isinstance(record, OtherCame)
    assert (record.received, record.error) == (response, 0)
    assert (record.descriptor is None) == end
    if record.descriptor is not None:
        with socket.socket(fileno=record.descriptor) as connection:
            assert connection.getpeername()[0] == "127.0.0.1"


def in_chunks(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (*parts, b""))


class Response(NamedTuple):
    """Parts of one, of which each may be odd."""

    line: bytes = b"HTTP/1.1 200 OK"
    fields: tuple[bytes, ...] = (b"Content-Length: %d" % len(PAGE),)
    body: bytes = PAGE
    end: bytes = b"\r\n"

    @property
    def octets(self) -> bytes:
        return self.end.join([self.line, *self.fields, b"", b""]) + self.body


# As servers send them.
PLAIN = (
    Response(),
    Response(fields=(b"Server: x", b"content-length:%d " % len(PAGE), b"A: b")),
    Response(fields=(b"Transfer-Encoding: chunked",), body=in_chunks(PAGE)),
)
LINES = st.sampled_from(
    [b"HTTP/1.1 200 OK", b"HTTP/1.0 200", b"HTTP/1.1 503 x", b"HTTP/1.1 2000", b"HTTP/2 200 OK",
     b"HTTP/1.1  200 OK", b"HTTP/1.1 200 \xe9"]
)  # fmt: skip
FIELDS = st.sampled_from(
    [b"Content-Length: %d" % len(PAGE), b"content-length:%d " % len(PAGE), b"Content-Length: 9",
     b"Content-Length: +9", b"Transfer-Encoding: chunked", b"transfer-encoding: CHUNKED\t",
     b"Transfer-Encoding: gzip", b"A: b", b"A : b", b" folded", b"Upgrade: x", b"A: \x7f", b"A"]
)  # fmt: skip
BODIES = st.sampled_from(
    [PAGE, PAGE + b"HTTP/1.1 200 OK", b"<" + PAGE, b"\n" + PAGE, PAGE[:-9], b"",
     in_chunks(PAGE), b"%x;a\r\n%b\r\n0\r\n\r\n" % (len(PAGE), PAGE),
     in_chunks(PAGE) + b"x",
     b"%x\r\n%b\r\n0\r\nA: b\r\n\r\n" % (len(PAGE), PAGE),
     in_chunks(PAGE[:9], PAGE[9:])]
)  # fmt: skip
ENDS = st.sampled_from([b"\r\n"] * 6 + [b"\n", b"\r"])


WILD = st.builds(Response, LINES, st.lists(FIELDS, max_size=3).map(tuple), BODIES, ENDS)


@st.composite
def nearly_plain(draw: st.DrawFn) -> Response:
    """One with two odd parts at most."""
    response = draw(st.sampled_from(PLAIN))
    for part in draw(st.lists(st.sampled_from(Response._fields), max_size=2, unique=True)):
        fields = [*response.fields]
        fields.insert(draw(st.integers(0, len(fields))), draw(FIELDS))
        changes: dict[str, st.SearchStrategy[Any]] = {
            "line": LINES,
            "fields": st.just(tuple(fields)),
            "body": BODIES,
            "end": ENDS,
        }
        response = response._replace(**{part: draw(changes[part])})
    return response


async def answered(response: bytes) -> Record:
    """What is told where that comes, and then the connection's end."""
    server = await asyncio.start_server(answering(response, end=True), "127.0.0.1", 0)
    try:
        with polling() as poller:
            return await told(poller, expected(server.sockets[0].getsockname()[1]))
    finally:
        server.close()


@pytest.mark.parametrize("response", PLAIN)
async def test_pages_as_servers_send_them_are_read_by_the_library(response: Response) -> None:
    assert isinstance(await answered(response.octets), PageRead)


@settings(deadline=None, max_examples=150)
@given(st.one_of(nearly_plain(), nearly_plain(), WILD).map(lambda made: made.octets))
def test_what_the_library_reads_is_a_page_to_python_too(response: bytes) -> None:
    record = asyncio.run(answered(response))
    if isinstance(record, PageRead):
        head = read_head(response, headers_only=False)
        assert isinstance(head, PlainHead)
        assert head.status == 200
        place = place_of_body(response, head)
        assert place is not None
        values = SeriesReader(PageLayout(*LAYOUT)).read_in(bytearray(response), *place)
        assert values is not None
        assert record.values == [*values]
    else:
        assert isinstance(record, OtherCame)
        assert record.received == response[: len(record.received)]
        if record.descriptor is None:
            assert record.received == response
        else:
            os.close(record.descriptor)


async def test_a_connection_that_is_refused_has_failed(closed_port: int) -> None:
    with polling() as poller:
        record = await told(poller, expected(closed_port))
    assert isinstance(record, ConnectionFailed)
    assert (record.connect, os.strerror(record.error)) == (None, "Connection refused")


async def test_a_host_that_cannot_even_begin_says_so() -> None:
    with polling() as poller, pytest.raises(OSError, match=r"unreachable|denied|Invalid"):
        poller.begin(expected(1, "255.255.255.255"), Asking())


async def test_one_that_is_cancelled_is_closed_and_told_nothing(serve: Serve) -> None:
    closed = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()
        closed.set()

    asking = Asking()
    with polling() as poller:
        number = poller.begin(expected(await serve(handle)), asking)
        for _ in range(5):
            await asyncio.sleep(0)
        poller.cancel(number)
        assert poller.cancel(number) == Shown()
        async with asyncio.timeout(20):
            await closed.wait()
    assert not asking.told


async def test_of_those_that_end_in_one_turn_one_may_cancel_another(serve: Serve) -> None:
    """Where the other has left its connection to be read on from, that is closed."""
    closed = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 503 x\r\n\r\n")
        await writer.drain()
        await reader.read()
        closed.set()

    port = await serve(handle)
    numbers, records = list[int](), list[Record]()
    with polling() as poller:
        first, second = Asking(lambda: poller.cancel(numbers[1])), Asking()
        poller._loop.remove_reader(poller._exchanges.descriptor)  # until both have come
        numbers += [poller.begin(expected(port), asking) for asking in (first, second)]
        async with asyncio.timeout(20):
            while len(records) < 2:
                records += poller._exchanges.turn(2)[1]
                await asyncio.sleep(0)
        poller._tell(sorted(records, key=lambda record: record.number != numbers[0]))
        (record,) = first.told
        assert not second.told
        assert isinstance(record, OtherCame)
        assert record.descriptor is not None
        async with asyncio.timeout(20):
            await closed.wait()
        os.close(record.descriptor)


async def test_a_defect_of_one_costs_no_other(serve: Serve) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    port = await serve(answering(WHOLE))
    defects = list[object]()
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: defects.append(context["exception"])
    )
    with polling() as poller:
        poller.begin(expected(port), Asking(fail))
        assert isinstance(await told(poller, expected(port)), PageRead)
        while not defects:  # noqa: ASYNC110 - the other of the two
            await asyncio.sleep(0)
    assert [type(defect) for defect in defects] == [ZeroDivisionError]


async def test_one_is_looked_at_out_of_turn(serve: Serve) -> None:
    asking, port = Asking(), await serve(answering(WHOLE))
    with polling() as poller:
        poller._loop.remove_reader(poller._exchanges.descriptor)
        number, seen = poller.begin(expected(port), asking), list[bool]()
        async with asyncio.timeout(20):
            while not asking.told:
                seen.append(poller.look(number))
                await asyncio.sleep(0)
        assert isinstance(asking.told[0], PageRead)
        assert seen[-1]
        assert not poller.look(number)


async def test_a_poller_that_leaves_some_for_its_next_turn_is_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("resolverd.health.probes.polling.MAX_TURN", 0.0)
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        polling() as poller,
        ExitStack() as accepted,
    ):
        poller._loop.remove_reader(poller._exchanges.descriptor)
        page = expected(listener.getsockname()[1])
        for _ in range(page_poller._AT_ONCE + 1):
            poller.begin(page, Asking())
            accepted.enter_context(listener.accept()[0])  # it has connected, and is ready
        behind = []
        for _ in range(2):
            poller._turn()
            behind.append(poller.behind)
    assert behind == [True, False]


async def test_after_the_end_there_is_nothing_to_be_had(serve: Serve) -> None:
    page = expected(await serve(answering(WHOLE)))
    with polling() as poller:
        number = poller.begin(page, Asking())
    assert poller.look(number) is False
    with pytest.raises(OSError, match="not permitted"):
        poller.begin(page, Asking())


@pytest.mark.parametrize("address", ["example.com", "fe80::1%lo", ""])
def test_a_page_is_asked_for_at_an_address(address: str) -> None:
    with pytest.raises(ValueError, match=r"address|scope"):
        expected(80, address)


def test_a_page_of_very_many_series_is_not_asked_for() -> None:
    def page(series: int) -> ExpectedPage:
        layout = PageLayout([b"vllm:running"], [b"vllm:running{a=%d}" % n for n in range(series)])
        return ExpectedPage("::1", 80, REQUEST, layout)

    assert page(MAX_SERIES).handle
    with pytest.raises(ValueError, match="no page"):
        page(MAX_SERIES + 1)
