"""A page of a vLLM server that does not come in time, or is not looked at in time."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import NamedTuple

import pytest
from harness.readings import read_by
from vllm_steps import SETTINGS, Scripted, Step, ask_in_python

from resolverd.abi.exchanges import OtherCame
from resolverd.abi.library import why_not
from resolverd.health.outcome import Outcome
from resolverd.health.probes import Tools, run
from resolverd.health.probes.page_poller import PagePoller
from resolverd.health.probes.plain_client import PlainClient
from resolverd.health.probes.trace import Trace
from resolverd.health.probes.vllm_ask import VllmAsk
from resolverd.health.probes.vllm_attempt import VllmAttempt

NATIVE = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))


class Asked(NamedTuple):
    """A server that has been looked at until its page alone may do."""

    server: Scripted
    ask: VllmAsk
    plain: PlainClient

    @property
    def pages(self) -> PagePoller:
        assert self.plain.pages is not None
        return self.plain.pages

    async def look(self, step: Step) -> Outcome:
        self.server.begin(step)
        self.server.asked.clear()
        return await run(self.ask, SETTINGS.longest)


@pytest.fixture
async def asked(tools: Tools) -> AsyncIterator[Asked]:
    server = Scripted()
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    assert tools.plain is not None
    ask = VllmAsk(url, SETTINGS.model_copy(update={"timeout": 1.0}), tools)
    made = Asked(server, ask, tools.plain)
    for _ in range(2):
        await made.look(Step())
    yield made
    server.released.set()
    listening.close()


async def test_a_page_that_does_not_come_in_time_leaves_it_to_a_canary(asked: Asked) -> None:
    seen = await asked.look(Step(framing="hangs"))
    assert (seen.ok, asked.server.asked[-1]) == (True, "/v1/completions")
    assert seen.reason.startswith("token in ")
    offers = read_by(seen).offers
    assert offers is not None
    assert offers.metrics == "no answer"


@pytest.mark.parametrize("natively", [True, False])
@pytest.mark.parametrize(("framing", "answered"), [("hangs", False), ("begun", True)])
async def test_what_a_server_has_shown_by_then_is_known_though_its_page_has_not_come(
    framing: str, *, answered: bool, natively: bool, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With no canary to find it out anew."""
    found, trace = list[Trace](), VllmAttempt.trace

    def noted(attempt: VllmAttempt) -> Trace:
        begun = trace(attempt)
        found.append(replace(begun))  # as it is now: the task adds to it
        return begun

    monkeypatch.setattr(VllmAttempt, "trace", noted)
    monkeypatch.setattr(asked.ask.server.budget, "spend", lambda *_: False)
    if not natively:
        ask_in_python(asked.plain)
    seen = await asked.look(Step(framing=framing))
    assert seen.reason == "the hourly budget of tokens for canaries is spent"
    assert (seen.responded, seen.connect is not None) == (True, True)
    (shown,) = found
    assert (shown.responded, shown.answered) == (True, answered)
    assert shown.connect is not None
    assert 0 < shown.connect < 20


@NATIVE
async def test_what_the_library_leaves_when_the_time_is_up_is_read_on(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a page too long for it that has come whole: what is left of it lies in the socket."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)

    def leave(_until: float) -> None:
        page = asked.server.page()
        whole = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(page) + page
        theirs.sendall(whole[100:])
        for number, attempt in [*asked.pages._asking.items()]:
            asked.pages.cancel(number)
            attempt.other_came(OtherCame(number, 0.001, whole[:100], ours.detach(), 0, 1))

    monkeypatch.setattr(asked.pages, "catch_up", leave)
    with theirs:
        seen = await asked.look(Step(framing="hangs"))
    assert (seen.reason, asked.server.asked) == ("makes progress", ["/metrics"])


@NATIVE
async def test_both_pollers_are_caught_up_with_in_the_time_of_one(
    tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, untils = tools.plain, list[float]()
    assert plain is not None
    for poller in (plain.poller, plain.pages):
        monkeypatch.setattr(poller, "catch_up", untils.append)
    plain.catch_up()
    first, second = untils
    assert first == second


@NATIVE
async def test_what_a_prober_behind_its_pages_has_not_seen_fails_no_server(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if thousands of other pages came first: this one's turn never does."""
    asyncio.get_running_loop().remove_reader(asked.pages._exchanges.descriptor)
    monkeypatch.setattr(asked.pages, "behind", True)
    monkeypatch.setattr(asked.pages, "catch_up", lambda _: None)
    seen = await asked.look(Step())
    assert (seen.reason, asked.server.asked) == ("makes progress", ["/metrics"])
