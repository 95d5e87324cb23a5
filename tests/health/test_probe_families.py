"""One probe over both families of an endpoint, on real sockets of ::1 and 127.0.0.1."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from harness.programs import free_port

from resolverd.config.probe_layers import complete_probe
from resolverd.health.addresses import AddressBook
from resolverd.health.family import Family
from resolverd.health.lookup import Found, RRType
from resolverd.health.outcome import Outcome
from resolverd.health.probes.per_family import run_any
from resolverd.health.probes.prepare import prepare
from resolverd.health.probes.tools import Tools
from resolverd.health.target import Target

NAME = "both.example"
BOTH = frozenset(Family)


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    writer.close()


class Fleet:
    """A server on one port of both loopback addresses, each of which can be closed."""

    def __init__(self) -> None:
        self.port = 0
        self.servers: dict[Family, asyncio.Server] = {}

    async def start(self) -> None:
        self.port = free_port()
        for family, address in ((Family.IPV4, "127.0.0.1"), (Family.IPV6, "::1")):
            self.servers[family] = await asyncio.start_server(answer, address, self.port)


@pytest.fixture
async def fleet() -> AsyncIterator[Fleet]:
    made = Fleet()
    await made.start()
    yield made
    for server in made.servers.values():
        server.close()


@pytest.fixture
async def named() -> AsyncIterator[Tools]:
    async def lookup(_hostname: str, rrtype: RRType) -> Found:
        return Found(("127.0.0.1",) if rrtype == "A" else ("::1",), 60.0)

    book = AddressBook([NAME], lookup=lookup, local=True)
    await book.start()
    await book.first_round()
    tools = Tools(book)
    yield tools
    await tools.close()
    await book.stop()


async def probe(fleet: Fleet, tools: Tools, kind: str, host: str = NAME) -> Outcome:
    settings = complete_probe({"kind": kind, "timeout": 2})
    url = f"http://{host}:{fleet.port}"
    return await run_any(prepare(Target("a", "a", "a", url, settings, BOTH), tools), 2)


@pytest.mark.parametrize("kind", ["http", "tcp"])
@pytest.mark.parametrize("dead", [None, *Family])
async def test_each_family_is_asked_and_one_is_enough(
    fleet: Fleet, named: Tools, kind: str, dead: Family | None
) -> None:
    if dead is not None:
        fleet.servers[dead].close()
    outcome = await probe(fleet, named, kind)
    assert outcome.ok
    assert {family for family, each in outcome.families.items() if each.ok} == BOTH - {dead}
    if dead is not None:
        assert outcome.families[dead].reason == "connection refused"


@pytest.mark.parametrize("kind", ["http", "tcp"])
async def test_with_both_families_dead_the_endpoint_is(
    fleet: Fleet, named: Tools, kind: str
) -> None:
    for server in fleet.servers.values():
        server.close()
    outcome = await probe(fleet, named, kind)
    assert (outcome.ok, outcome.reason) == (False, "connection refused")
    assert [each.ok for each in outcome.families.values()] == [False, False]


@pytest.mark.parametrize("kind", ["vllm", "openai"])
async def test_a_kind_that_costs_tokens_asks_each_family_only_whether_it_is_answered(
    fleet: Fleet, named: Tools, kind: str
) -> None:
    fleet.servers[Family.IPV6].close()
    outcome = await probe(fleet, named, kind)
    assert {family: each.ok for family, each in outcome.families.items()} == {
        Family.IPV4: True,
        Family.IPV6: False,
    }


async def test_an_address_in_the_url_is_asked_over_its_own_family_alone(
    fleet: Fleet, named: Tools
) -> None:
    outcome = await probe(fleet, named, "http", host="127.0.0.1")
    assert (outcome.ok, outcome.families) == (True, {})
