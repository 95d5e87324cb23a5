"""Pages of round-trip times, fetched by an edge: from servers as they are, and as they may be."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import AsyncIterator, Callable
from email.utils import formatdate
from typing import Any

import pytest
from aiohttp import web
from harness.waiting import until_holds
from page_server import TABLE, Server, error
from structlog.testing import capture_logs

from resolverd.rtt.page_watch import PageState, PageWatch, RttPage

DUBLIN = (53.3, -6.3)
SOON = 20.0


class Reading:
    """A watch over one page of a server."""

    def __init__(self, server: Server, interval: float, stale_after: float) -> None:
        self.watch = PageWatch(lambda _: None)
        self.watch.interval = interval
        self.page = RttPage("eu-west", server.url, DUBLIN, stale_after)
        self.watch.replace([self.page])

    @property
    def state(self) -> PageState:
        return self.watch.states()[self.page]

    async def once(self) -> PageState:
        await until_holds(lambda: bool(self.state.read_at or self.state.reason), within=SOON)
        return self.state


@pytest.fixture
async def reading(server: Server) -> AsyncIterator[Callable[..., Reading]]:
    begun: list[Reading] = []

    def begin(interval: float = 0.05, stale_after: float = 86_400.0) -> Reading:
        begun.append(Reading(server, interval, stale_after))
        return begun[-1]

    yield begin
    for each in begun:
        await each.watch.stop()


Begin = Callable[..., Reading]


async def test_a_page_is_read(server: Server, reading: Begin) -> None:
    state = await reading().once()
    assert [row.where for row in state.content.unpacked()] == ["8.8.8.0/24"]
    assert state.reason == ""
    assert state.as_of == state.read_at
    assert server.asked[0]["Accept-Encoding"] == "gzip"


async def test_a_compressed_page_is_read(server: Server, reading: Begin) -> None:
    server.body, server.headers = gzip.compress(server.body), {"Content-Encoding": "gzip"}
    assert (await reading().once()).content.rows == 1


async def test_a_page_that_is_the_same_is_not_sent_again(server: Server, reading: Begin) -> None:
    server.headers = {"ETag": 'W/"one"'}
    begun = reading()
    first = await begun.once()
    await until_holds(lambda: len(server.asked) > 2, within=SOON)
    await until_holds(lambda: (begun.state.read_at or 0) > (first.read_at or 0), within=SOON)
    assert [asked.get("If-None-Match") for asked in server.asked[:3]] == [None, *['W/"one"'] * 2]
    assert begun.state.content is first.content
    server.headers = {"ETag": 'W/"two"'}
    server.body += b"9.9.9.0/24,eu-west,20,5,600\n"
    await until_holds(lambda: begun.state.content.rows == 2, within=SOON)


async def test_a_page_is_as_old_as_its_server_says(server: Server, reading: Begin) -> None:
    server.headers = {"Last-Modified": formatdate(time.time() - 5000, usegmt=True)}
    state = await reading().once()
    assert state.read_at is not None
    assert 4990 < state.read_at - state.as_of < 5010


@pytest.mark.parametrize("tag", [{}, {"ETag": '"x"'}])
async def test_a_page_that_nobody_makes_anew_grows_too_old(
    server: Server, reading: Begin, tag: dict[str, str]
) -> None:
    begun = reading(stale_after=5000.0)
    server.headers = tag
    await begun.once()
    server.headers = {**tag, "Last-Modified": formatdate(time.time() - 6000, usegmt=True)}
    await until_holds(lambda: "old" in begun.state.reason, within=SOON)
    assert begun.state.content.rows == 1


async def test_a_304_that_does_not_say_when_a_page_was_made_makes_none_new(
    server: Server, reading: Begin
) -> None:
    """RFC 9110 §15.4.5: it need not repeat Last-Modified, and some servers do not."""
    now = time.time()
    sent = now

    async def answer(request: web.Request) -> web.StreamResponse:
        headers = {"ETag": '"x"', "Date": formatdate(sent, usegmt=True)}
        if "If-None-Match" in request.headers:
            return web.Response(status=304, headers=headers)
        headers["Last-Modified"] = formatdate(now - 5000, usegmt=True)
        return web.Response(body=server.body, headers=headers)

    server.answer = answer
    begun = reading(stale_after=6000.0)
    first = await begun.once()
    await until_holds(lambda: (begun.state.read_at or 0) > (first.read_at or 0), within=SOON)
    assert "If-None-Match" in server.asked[1]
    assert begun.state.content is first.content
    assert begun.state.read_at is not None
    assert begun.state.read_at - begun.state.as_of == 5000
    sent = now + 2000
    await until_holds(lambda: "old" in begun.state.reason, within=SOON)


async def _elsewhere(_: web.Request) -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": "/"})


async def _html(_: web.Request) -> web.StreamResponse:
    return web.Response(text="<html>")


async def _cut(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(TABLE.encode())
    assert request.transport is not None
    request.transport.close()
    return response


async def _endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(TABLE.encode() * 1000)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (error, "HTTP 503"), (_elsewhere, "HTTP 302"), (_html, "no table"), (_cut, "cut short"),
        (_endless, "MiB"),
    ],
)  # fmt: skip
async def test_what_a_page_said_holds_on_while_it_fails(
    server: Server, reading: Begin, answer: Any, words: str
) -> None:
    with capture_logs() as logged:
        begun = reading()
        good = await begun.once()
        server.answer = answer
        await until_holds(lambda: words in begun.state.reason, within=SOON)
        assert begun.state.content is good.content
        asked = len(server.asked)
        await until_holds(lambda: len(server.asked) > asked + 1, within=SOON)
        server.answer = None
        await until_holds(lambda: not begun.state.reason, within=SOON)
    events = [e["event"] for e in logged]
    assert events == ["rtt.page_failing", "rtt.page_recovered"]


async def test_one_that_hangs_delays_no_other(
    server: Server, reading: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolverd.rtt.page_watch._WITHIN", 0.3)
    hung = asyncio.Event()

    async def hang(_: web.Request) -> web.StreamResponse:
        await hung.wait()
        return web.Response()

    server.answer = hang
    first = reading()
    await until_holds(lambda: bool(server.asked), within=SOON)
    server.answer = None
    second = reading(interval=0.06)
    assert (await second.once()).reason == ""
    assert (await first.once()).reason == "timed out after 0.3 s"
    hung.set()


async def test_what_is_left_out_of_a_page_is_said_once(server: Server, reading: Begin) -> None:
    server.body += b"9.9.9.0/24,us-east,1,5,600\n"
    with capture_logs() as logged:
        begun = reading()
        state = await begun.once()
        await until_holds(lambda: len(server.asked) > 3, within=SOON)
    assert state.content.left_out == "1 of 2 rows speak of another region"
    assert [e["event"] for e in logged] == ["rtt.page_partial"]
