"""Pages of round-trip times, fetched by an edge: from servers as they are, and as they may be."""

from __future__ import annotations

import asyncio
import csv
import gzip
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from harness.daemon import Endpoints, endpoints, running, write_files
from harness.server import HEAD
from harness.waiting import until_holds
from mmdb_writer import Value, write_mmdb
from structlog.testing import capture_logs

from resolverd.dns.prefix import parse_prefix
from resolverd.engine.explain import explain
from resolverd.geo.countries import countries
from resolverd.rtt.kept_table import KEPT_NAME
from resolverd.rtt.page import HEADER
from resolverd.rtt.page_watch import PageState, PageWatch, RttPage

DUBLIN = (53.3, -6.3)
TABLE = f"{HEADER}\n8.8.8.0/24,eu-west,20,5,600\n"
SOON = 20.0


@dataclass
class Server:
    """Serves `body`, or what `answer` makes; `asked` are the headers of the requests so far."""

    url: str = ""
    body: bytes = TABLE.encode()
    headers: dict[str, str] = field(default_factory=dict)
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None
    asked: list[dict[str, str]] = field(default_factory=list)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(dict(request.headers))
        if self.answer is not None:
            return await self.answer(request)
        tag = self.headers.get("ETag")
        if tag and request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers=self.headers)
        return web.Response(body=self.body, headers=self.headers)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    app = web.Application()
    app.router.add_get("/", made.serve)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    yield made
    await runner.cleanup()


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


async def _error(_: web.Request) -> web.StreamResponse:
    return web.Response(status=503)


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
        (_error, "HTTP 503"), (_elsewhere, "HTTP 302"), (_html, "no table"), (_cut, "cut short"),
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


@pytest.fixture
async def played() -> AsyncIterator[Endpoints]:
    async with endpoints() as playing:
        yield playing


@pytest.fixture
def config(tmp_path: Path, played: Endpoints, server: Server) -> Path:
    path = write_files(
        tmp_path,
        {"inference.example.": f"{HEAD}chat 60 DYNA chat\n"},
        played,
        server='state = "state"\n',
    )
    page = f'[region.eu-west]\nrtt = ["{server.url}"]\n'
    text = path.read_text().replace("[region.eu-west]\n", page, 1)
    path.write_text(text + '\n[rtt]\nkeep_interval = "1s"\nfetch_interval = "1s"\n')
    return path


def kept(config: Path) -> dict[str, dict[str, str]]:
    path = config.parent / "state" / KEPT_NAME
    if not path.exists():
        return {}
    with path.open() as file:
        return {row["where"]: row for row in csv.DictReader(file)}


async def test_a_daemon_keeps_what_pages_say_over_a_restart(config: Path, server: Server) -> None:
    async with running(config):
        await until_holds(lambda: "8.8.8.0/24" in kept(config), within=SOON)
    row = kept(config)["8.8.8.0/24"]
    assert (row["region"], row["ms"], row["count"]) == ("eu-west", "20", "5")
    server.answer = _error
    async with running(config) as daemon:
        await until_holds(lambda: bool(server.asked), within=SOON)
        await daemon.round_trips.write()
        assert kept(config)["8.8.8.0/24"] == row
        server.answer = None
        server.body = f"{HEADER}\n9.9.9.0/24,eu-west,30,5,600\n".encode()
        await until_holds(lambda: kept(config).keys() == {"9.9.9.0/24"}, within=SOON)


@pytest.mark.parametrize(
    ("point", "words"),
    [
        ((-33.9, 151.2), "6 of 6 networks that were looked up are nearer than light in fibre"),
        ((51.5, -0.1), ""),
        # Where a database puts those of whom it knows the country alone.
        (None, ""),
    ],
)
async def test_a_page_that_outruns_light_is_refused(
    config: Path, server: Server, point: tuple[float, float] | None, words: str
) -> None:
    country = countries()["AU"]
    latitude, longitude = point or (country.latitude, country.longitude)
    record: dict[str, Value] = {"country_code": "AU", "latitude": latitude, "longitude": longitude}
    write_mmdb(config.parent / "city.mmdb", {"8.8.0.0/16": record}, "city ipv4")
    text = await asyncio.to_thread(config.read_text)
    text = text.replace("[server]\n", '[server]\ngeoip = ["city.mmdb"]\n', 1)
    await asyncio.to_thread(config.write_text, text)
    lines = [f"8.8.{i}.0/24,eu-west,20,5,600" for i in range(6)]
    server.body = "\n".join([HEADER, *lines]).encode()
    async with running(config) as daemon:
        await until_holds(lambda: bool(daemon.round_trips.pages.states()), within=SOON)

        def state() -> PageState:
            [known] = daemon.round_trips.pages.states().values()
            return known

        await until_holds(lambda: bool(state().reason or state().read_at), within=SOON)
        assert words in state().reason
        assert bool(state().reason) == bool(words)


async def test_a_page_is_read_no_more_once_no_region_names_it(config: Path, server: Server) -> None:
    async with running(config) as daemon:
        await until_holds(lambda: "8.8.8.0/24" in kept(config), within=SOON)
        text = await asyncio.to_thread(config.read_text)
        edited = text.replace(f'rtt = ["{server.url}"]\n', "")
        await asyncio.to_thread(config.write_text, edited)
        assert await daemon.reload()
        await until_holds(lambda: not kept(config), within=SOON)
        assert not daemon.round_trips.pages.states()


async def test_clients_are_sent_where_pages_say_that_it_is_nearest(
    config: Path, server: Server
) -> None:
    """The page of Dublin says that a network of Germany takes long, Virginia's that it does not."""

    async def by_path(request: web.Request) -> web.StreamResponse:
        region, ms = ("us-east", 85) if "far" in request.query else ("eu-west", 250)
        return web.Response(text=f"{HEADER}\n141.2.1.0/24,{region},{ms},500,600\n")

    def edited(text: str) -> str:
        page = f'[region.us-east]\nrtt = ["{server.url}?far"]\n'
        text = text.replace("[region.us-east]\n", page, 1)
        text = text.replace("[server]\n", "[server]\nwatch = true\n", 1)
        return text.replace("[service.chat]\n", '[service.chat]\npolicy = "latency"\n')

    server.answer = by_path
    text = await asyncio.to_thread(config.read_text)
    await asyncio.to_thread(config.write_text, edited(text))
    async with running(config) as daemon:

        def first(client: str) -> str | None:
            return explain("chat.inference.example", parse_prefix(client), daemon.snapshot).region

        assert first("141.2.2.0/24") == "eu-west"
        await until_holds(lambda: first("141.2.1.0/24") == "us-east", within=SOON)
        assert first("141.2.2.0/24") == "eu-west"
        assert daemon.reloads.problems == daemon.inputs.warnings
        assert daemon.inputs.tables.kept == config.parent / "state" / KEPT_NAME
    kept_copies = [*(config.parent / "state" / "adopted").iterdir()]
    table = (config.parent / "state" / KEPT_NAME).read_bytes()
    assert table not in [copy.read_bytes() for copy in kept_copies]

    # And so from the start of another on, whose pages cannot be read.
    server.answer = _error
    async with running(config) as daemon:
        assert first("141.2.1.0/24") == "us-east"


@pytest.mark.parametrize(
    "damage", [b"\xff\xfe", b"no table\n", b"where,region,ms\n8.8.8.8/7,x,-1\n"]
)
async def test_a_kept_table_that_is_damaged_refuses_nothing(config: Path, damage: bytes) -> None:
    text = await asyncio.to_thread(config.read_text)
    text = text.replace("[service.chat]\n", '[service.chat]\npolicy = "latency"\n')
    await asyncio.to_thread(config.write_text, text)
    table = config.parent / "state" / KEPT_NAME
    table.parent.mkdir()
    table.write_bytes(damage)
    async with running(config) as daemon:
        found = {problem.id for problem in daemon.inputs.warnings}
        assert "rtt-kept-unusable" in found
        assert daemon.reloads.successful
        await until_holds(lambda: daemon.inputs.tables.kept == table, within=SOON)
        assert "rtt-kept-unusable" not in {p.id for p in daemon.inputs.warnings}


async def test_pages_that_nothing_can_keep_are_said_to_steer_nobody(config: Path) -> None:
    text = await asyncio.to_thread(config.read_text)
    await asyncio.to_thread(config.write_text, text.replace('state = "state"\n', ""))
    with capture_logs() as logged:
        async with running(config) as daemon:
            for _ in range(2):
                await daemon.round_trips.look()
            assert daemon.round_trips.write_error == "server.state is empty"
    assert [e["reason"] for e in logged if e["event"] == "rtt.not_kept"] == [
        "server.state is empty"
    ]
