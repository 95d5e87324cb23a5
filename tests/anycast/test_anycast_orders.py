"""Drains and undrains that meet one another: what is confirmed is so."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from harness.hanging import hanging_mount
from harness.waiting import until_holds

from resolverd.admin.failure import as_json
from resolverd.anycast import drain as drains
from resolverd.anycast import operate
from resolverd.anycast.announcer import Announcer
from resolverd.anycast.drain import Drain
from resolverd.anycast.fitness import Daemon, Seen
from resolverd.anycast.fleet import NoFloor
from resolverd.anycast.run import Edge
from resolverd.anycast.served import Pages
from resolverd.anycast.speaker import SpeakerError
from resolverd.anycast.transitions import Phase
from resolverd.config.anycast import Anycast
from resolverd.files.writing import WRITES

V4 = "192.0.2.53"
TURN = 2
"""What a speaker is asked in a turn that changes an address: what it has, and to change it."""


class Slow:
    """A speaker that answers once it is `let`, and gives no answer to the first `silent`."""

    proves = True

    def __init__(self) -> None:
        self.has, self.silent = Phase.WITHDRAWN, 0
        self.asked, self.let = asyncio.Event(), asyncio.Event()
        self.let.set()

    async def apply(self, address: str, phase: Phase) -> None:
        await self._answered()
        self.has = phase

    async def proved(self) -> Mapping[str, Phase]:
        await self._answered()
        return {V4: self.has}

    async def close(self) -> None:
        """Nothing to end."""

    async def _answered(self) -> None:
        self.asked.set()
        await self.let.wait()
        if self.silent:
            self.silent -= 1
            raise SpeakerError("asked, and silent")


class Fit:
    """An edge that nothing but an operator is against; `ebbing` is set once its ebb is read."""

    own_queries = 0

    def __init__(self) -> None:
        self.ebbing, self.ebbed = asyncio.Event(), asyncio.Event()
        self.ebbed.set()

    async def look(self, *, draining: str = "", stopping: bool = False) -> Seen:
        daemon = Daemon((), "", 1, None, "example", 0)
        return Seen({V4: ""}, {V4: 0}, daemon, "", 0.0, draining, stopping)

    async def ask_daemon(self) -> None:
        self.ebbing.set()
        await self.ebbed.wait()


async def announced(speaker: Slow, looking: Fit) -> Edge:
    """An edge whose address is announced by `speaker`."""
    settings = Anycast(addresses=(V4,), fit_for=0, fit_for_most=0, ebb_wait=0)
    edge = Edge(settings, looking, Announcer(settings, speaker, NoFloor()), NoFloor())  # type: ignore[arg-type]
    await turned(edge)
    assert speaker.has is Phase.ANNOUNCED
    return edge


async def turned(edge: Edge) -> None:
    """Let it follow what is in force now."""
    await edge.turn()
    await edge.turn()


async def heard(order: Awaitable[dict[str, Any]]) -> str:
    """Whether it was confirmed, or what it was refused by."""
    try:
        await order
    except Exception as error:  # noqa: BLE001 - compared with what is right
        return type(error).__name__
    return "done"


@pytest.mark.parametrize(
    ("silent", "second", "hear", "drained"),
    [
        (0, "drain", ["done", "done"], "bob"),
        (TURN, "drain", ["UnprovedError", "done"], "bob"),
        (2 * TURN, "drain", ["UnprovedError", "UnprovedError"], None),
        (0, "undrain", ["done", "done"], None),
        (TURN, "undrain", ["UnprovedError", "done"], None),
    ],
)
async def test_one_that_comes_while_another_is_waited_for_counts_after_it(
    tmp_path: Path, silent: int, second: str, hear: list[str], drained: str | None
) -> None:
    speaker = Slow()
    edge = await announced(speaker, Fit())
    speaker.silent = silent
    speaker.asked.clear()
    speaker.let.clear()
    first = asyncio.create_task(heard(ordered("drain", edge, tmp_path, "ada")))
    await speaker.asked.wait()
    after = asyncio.create_task(heard(ordered(second, edge, tmp_path, "bob")))
    await asyncio.sleep(0)  # it has begun
    speaker.let.set()
    assert (await asyncio.gather(first, after))[-1] == hear[-1]
    in_force, kept = edge.drained, drains.read(tmp_path)
    assert (in_force and in_force.who, kept and kept.who) == (drained, drained)
    assert first.result() == hear[0]
    await turned(edge)
    assert speaker.has is (Phase.WITHDRAWN if drained else Phase.ANNOUNCED)


async def test_a_drain_that_is_undrained_before_its_queries_have_ebbed_is_not_confirmed(
    tmp_path: Path,
) -> None:
    looking = Fit()
    edge = await announced(Slow(), looking)
    looking.ebbed.clear()
    drain = asyncio.create_task(heard(ordered("drain", edge, tmp_path, "ada")))
    await looking.ebbing.wait()
    assert await operate.undrain(edge, tmp_path, "bob") == {"drained": True}
    looking.ebbed.set()
    assert await drain == "UndoneError"


@pytest.mark.parametrize(("what", "drained"), [("drain", None), ("undrain", "ada")])
async def test_while_the_disk_that_keeps_drains_hangs_routes_are_looked_after(
    tmp_path: Path, what: str, drained: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asked hears that it is not done, and what was in force still is."""
    monkeypatch.setattr(WRITES, "limit", 1.0)
    speaker = Slow()
    edge = await announced(speaker, Fit())
    if drained:
        await ordered("drain", edge, tmp_path, drained)
    with hanging_mount(tmp_path):
        asked = asyncio.create_task(heard(ordered(what, edge, tmp_path, "bob")))
        await until_holds(edge.ordering.locked, within=10)
        await turned(edge)
        assert speaker.has is Phase.WITHDRAWN
        assert not asked.done()
        assert await asked == "DrainError"
    assert (edge.drained and edge.drained.who) == drained
    await turned(edge)
    assert speaker.has is (Phase.WITHDRAWN if drained else Phase.ANNOUNCED)


async def test_a_drain_that_could_not_be_kept_in_time_is_not_in_force_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = threading.Event()
    monkeypatch.setattr(WRITES, "limit", 0.5)
    monkeypatch.setattr(os, "fsync", lambda _: answers.wait())
    edge = await announced(Slow(), Fit())
    assert await heard(ordered("drain", edge, tmp_path, "ada")) == "DrainError"
    assert edge.drained is None
    answers.set()
    await until_holds(lambda: not WRITES.hanging, within=10)
    assert not os.listdir(tmp_path)  # noqa: PTH208 - of the test's own


@pytest.mark.parametrize("drains_it", [True, False])
async def test_a_drain_that_cannot_be_kept_is_no_failure_of_the_daemon(
    tmp_path: Path, drains_it: bool
) -> None:
    """What is said of it is what to do about it."""
    (tmp_path / "state").write_text("no directory")
    pages = Pages(await announced(Slow(), Fit()), tmp_path / "state")
    app = web.Application(middlewares=[as_json])
    app.add_routes(pages.operators)
    async with TestClient(TestServer(app)) as client:
        request = client.post("/drain", json={}) if drains_it else client.delete("/drain/this")
        async with request as response:
            said = await response.json()
    assert response.status == 503
    assert "state/anycast-drain.json cannot be" in said["error"]
    assert "anycast.state" in said["hint"]


def ordered(what: str, edge: Edge, place: Path, who: str) -> Awaitable[dict[str, Any]]:
    """A drain or an undrain of `edge` by `who`."""
    if what == "undrain":
        return operate.undrain(edge, place, who)
    return operate.drain(edge, place, Drain(who, "work", 0.0), force=False)
