"""Pages of round-trip times that a daemon reads: what it keeps of them, and whom they steer."""

from __future__ import annotations

import asyncio
import csv
from pathlib import Path

import pytest
from aiohttp import web
from harness.daemon import Endpoints, running, write_files
from harness.hanging import hanging_mount
from harness.server import HEAD
from harness.waiting import until_holds
from mmdb_writer import Value, write_mmdb
from page_server import Server, error
from structlog.testing import capture_logs

from resolverd.dns.prefix import parse_prefix
from resolverd.engine.explain import explain
from resolverd.files.reading import THREADS
from resolverd.geo.countries import countries
from resolverd.rtt.kept_table import KEPT_NAME
from resolverd.rtt.page import HEADER
from resolverd.rtt.page_watch import PageState
from resolverd.snapshot.inputs import load_inputs

SOON = 20.0


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
    server.answer = error
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
    server.answer = error
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


async def test_a_kept_table_that_does_not_answer_is_said_to_be_left_out(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = await asyncio.to_thread(config.read_text)
    text = text.replace("[service.chat]\n", '[service.chat]\npolicy = "latency"\n')
    await asyncio.to_thread(config.write_text, text)
    state = config.parent / "state"
    state.mkdir()
    monkeypatch.setattr(THREADS, "limit", 1.0)
    with hanging_mount(state):
        inputs = await load_inputs(config)
    await until_holds(lambda: not THREADS.hanging, within=SOON)
    (problem,) = (found for found in inputs.warnings if found.id == "rtt-kept-unusable")
    assert "does not answer" in problem.message
    assert problem.file == str(state / KEPT_NAME)


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
