"""A vllm probe over a plain socket, without a task, concludes what one that is awaited does."""

from __future__ import annotations

import asyncio
import gc
import re
import time
from collections.abc import Awaitable, Callable, Generator
from dataclasses import replace
from typing import Any

import pytest
from harness.inference import MODEL
from harness.readings import read_by
from hypothesis import given, settings
from hypothesis import strategies as st
from vllm_steps import SETTINGS, Scripted, Step, ask_in_python

from resolverd.abi.exchanges import PageRead
from resolverd.abi.library import why_not
from resolverd.health.addresses import AddressBook
from resolverd.health.outcome import Outcome
from resolverd.health.probes import Tools, metrics_reader, run, vllm_attempt
from resolverd.health.probes.bounds import MAX_CPU
from resolverd.health.probes.run import Attempt, run_task
from resolverd.health.probes.vllm_ask import VllmAsk
from resolverd.health.probes.vllm_attempt import VllmAttempt
from resolverd.health.probes.vllm_metrics import read_page

STEPS = st.builds(
    Step,
    grown=st.sampled_from([5, 5, 5, 5, 0, -3]),
    started=st.sampled_from(["1.7e9"] * 8 + ["1.8e9", "NaN"]),
    errors=st.sampled_from([0, 0, 0, 1]),
    rejections=st.sampled_from([0, 0, 0, 1, 2]),
    waiting=st.sampled_from(["0.0", "3.0", "-1", "1 # {} 2"]),
    model=st.sampled_from([MODEL] * 8 + ["other"]),
    framing=st.sampled_from(
        ["length"] * 6
        + ["chunked", "chunks", "end", "parts", "cut", "short", "more", "apart", "reset", "nothing"]
    ),
    status=st.sampled_from([200] * 8 + [404, 500, 204]),
    body=st.sampled_from(["page"] * 8 + ["html", "empty", "long", "twice"]),
    listed=st.sampled_from([MODEL] * 8 + ["other"]),
    completion=st.sampled_from(["token", "token", "token", "503", "500", "404", "error"]),
)

Look = Callable[[VllmAsk], Awaitable[Outcome]]


async def looked(
    steps: list[Step], look: Look, *, natively: bool = True
) -> list[tuple[Outcome, list[str]]]:
    """What each look at a server told, but for times, and what the server was asked.

    Where not `natively`, pages are asked for in Python.
    """
    server, told = Scripted(), list[tuple[Outcome, list[str]]]()
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0)
    tools = Tools(AddressBook(()))
    if not natively:
        ask_in_python(tools.plain)
    try:
        ask = VllmAsk(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", SETTINGS, tools)
        for step in steps:
            server.begin(step)
            server.asked.clear()
            told.append((timeless(await look(ask)), [*server.asked]))
        return told
    finally:
        await tools.close()
        listening.close()


def timeless(outcome: Outcome) -> Outcome:
    """The same without what differs from one run to the next."""
    read = read_by(outcome)
    load, canaries = read.load and read.load._replace(at=0.0), read.canaries._replace(ttft=None)
    return outcome._replace(
        reason=re.sub(r"\d+ ms", "some ms", outcome.reason),
        latency=0.0,
        connect=None if outcome.connect is None else 1.0,
        readings=replace(read, load=load, canaries=canaries),
    )


def directly(ask: VllmAsk) -> Awaitable[Outcome]:
    return run(ask, SETTINGS.longest)


def awaited(ask: VllmAsk) -> Awaitable[Outcome]:
    return run_task(ask, SETTINGS.longest)


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=5))
def test_whatever_a_server_answers_all_ways_conclude_the_same(steps: list[Step]) -> None:
    # The first two looks, of a server that works, are those after which there is nothing to ask.
    whole = [Step(), Step(), *steps, Step(), Step()]
    told = asyncio.run(looked(whole, awaited))
    assert asyncio.run(looked(whole, directly)) == told
    assert asyncio.run(looked(whole, directly, natively=False)) == told


@pytest.mark.parametrize("look", [directly, awaited])
async def test_collections_of_garbage_while_a_page_is_read_are_not_charged_to_its_server(
    look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reading(*page: Any) -> Generator[None, None, Any]:
        until = time.thread_time() + 2 * MAX_CPU
        while time.thread_time() < until:
            gc.collect()
        return (yield from read_page(*page))

    for module in (metrics_reader, vllm_attempt):
        monkeypatch.setattr(module, "read_page", reading)
    told = await looked([Step()] * 3, look)
    assert [outcome.ok for outcome, _ in told] == [True] * 3
    assert told[-1][1] == ["/metrics"]


@pytest.mark.parametrize("natively", [True, False])
async def test_a_server_that_works_is_asked_for_its_page_without_a_task(*, natively: bool) -> None:
    tasks = list[object]()

    async def look(ask: VllmAsk) -> Outcome:
        ended: asyncio.Future[Outcome | Exception] = asyncio.get_running_loop().create_future()

        def told(attempt: Attempt, outcome: Outcome | Exception) -> None:
            tasks.append(attempt.task)
            ended.set_result(outcome)

        if ask.begin(SETTINGS.longest, told) is None:
            return await awaited(ask)
        outcome = await ended
        assert isinstance(outcome, Outcome)
        return outcome

    pages = ["/metrics"]
    told = await looked([Step()] * 4, look, natively=natively)
    assert [asked for _, asked in told[1:]] == [pages, pages, pages]
    assert tasks == [None, None, None]


@pytest.mark.parametrize(
    "change", [{"metrics_url": "http://127.0.0.1:1/metrics"}, {"workers": ("http://127.0.0.1:1",)}]
)
async def test_pages_elsewhere_are_waited_for(change: dict[str, object]) -> None:
    tools = Tools(AddressBook(()))
    try:
        ask = VllmAsk("http://127.0.0.1:1", SETTINGS.model_copy(update=change), tools)
        assert ask.begin(1.0, lambda *_: None) is None
    finally:
        await tools.close()


@pytest.mark.parametrize("framing", ["length", "chunked", "parts"])
async def test_of_many_at_once_each_reads_its_own_page(framing: str) -> None:
    """All receive into one room."""
    tools, servers, asks = Tools(AddressBook(())), list[Scripted](), list[VllmAsk]()
    listening = []
    try:
        for number in range(20):
            server = Scripted()
            server.generated = 1000 * number
            servers.append(server)
            listening.append(await asyncio.start_server(server.handle, "127.0.0.1", 0))
            url = f"http://127.0.0.1:{listening[-1].sockets[0].getsockname()[1]}"
            asks.append(VllmAsk(url, SETTINGS, tools))
        for _ in range(4):
            for server in servers:
                server.begin(Step(framing=framing))
            outcomes = await asyncio.gather(*[directly(ask) for ask in asks])
        loads = [read_by(outcome).load for outcome in outcomes]
        assert [load and load.tokens for load in loads] == [2 * s.generated for s in servers]
        assert [s.asked[-3:] for s in servers] == [["/metrics"] * 3] * 20
    finally:
        await tools.close()
        for each in listening:
            each.close()


@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
@pytest.mark.parametrize(
    ("framing", "read_on"),
    [("length", 0), ("chunked", 0), ("parts", 0), ("more", 0), ("chunks", 3)],
)
async def test_a_page_like_the_last_is_asked_for_by_the_library(
    framing: str, read_on: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And read on here where it does not come as nearly all do."""
    taken_over = list[VllmAttempt]()
    take_over = VllmAttempt.take_over

    def noted(attempt: VllmAttempt, *how: Any) -> None:
        taken_over.append(attempt)
        take_over(attempt, *how)

    def begun(attempt: VllmAttempt, address: str) -> None:
        raise AssertionError(f"{attempt} was begun here, at {address}")

    monkeypatch.setattr(VllmAttempt, "take_over", noted)
    monkeypatch.setattr(VllmAttempt, "begin", begun)
    told = await looked([Step(), Step(), *[Step(framing=framing)] * 3], directly)
    assert [outcome.reason for outcome, _ in told[1:]] == ["makes progress"] * 4
    assert len(taken_over) == read_on


@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
async def test_a_model_that_goes_by_another_name_meanwhile_is_asked_for_its_page_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = VllmAttempt.page_read

    def renamed(attempt: VllmAttempt, record: PageRead) -> None:
        server = attempt._server
        server.listing = replace(server.listing, names=frozenset({"another"}))
        read(attempt, record)

    monkeypatch.setattr(VllmAttempt, "page_read", renamed)
    told = await looked([Step()] * 3, directly)
    assert [outcome.reason for outcome, _ in told[1:]] == ["makes progress"] * 2
    assert told[1][1] == ["/metrics", "/metrics"]
