"""A stop in the middle of an edit: whoever answers next answers as clients were answered last."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from harness.config import REGIONS, address_of
from harness.waiting import until_holds
from live_daemon import TIMEOUT, Files, ask, running, supervised, zone_text

from resolverd import publication, stop_limits
from resolverd.daemon import Daemon
from resolverd.snapshot.compile import compile_plan
from resolverd.snapshot.model import Snapshot

EDITED = "192.0.2.99"
# Seconds for which a stop goes on beside what it has met: less than an order waits for the disk.
_HELD_UP = 0.3


async def _answer(daemon: Daemon) -> str:
    response = await ask(daemon, "www.inference.example")
    return str(response.answer[0][0])


class Late:
    """An engine whose next publication of a Plan is answered from at once, and over once it may."""

    def __init__(self, daemon: Daemon) -> None:
        self.answers, self.may_end = asyncio.Event(), asyncio.Event()
        publish, before = daemon.engine.publish, daemon.snapshot.plan

        async def late(snapshot: Snapshot) -> None:
            await publish(snapshot)
            if snapshot.plan is not before:
                self.answers.set()
                await self.may_end.wait()

        daemon.engine.publish = late  # type: ignore[method-assign]


async def _soon(daemon: Daemon, engine: Late) -> None:
    stopping = asyncio.create_task(daemon.stop())
    asyncio.get_running_loop().call_soon(engine.may_end.set)
    await stopping


async def _too_late(daemon: Daemon, engine: Late) -> None:
    engine_stop, may_end = daemon.engine.stop, engine.may_end

    async def stop() -> None:
        may_end.set()
        await engine_stop()

    daemon.engine.stop = stop  # type: ignore[method-assign]
    await daemon.stop()


@pytest.mark.parametrize("stopped", [_soon, _too_late])
async def test_a_standby_answers_from_an_edit_that_a_stop_met_while_it_was_published(
    files: Files,
    monkeypatch: pytest.MonkeyPatch,
    stopped: Callable[[Daemon, Late], Awaitable[None]],
) -> None:
    monkeypatch.setattr(stop_limits, "SETTLE", 30 if stopped is _soon else 0.05)
    async with supervised(files.config) as daemon:
        engine = Late(daemon)
        files.zone.write_text(zone_text(EDITED, 8))
        async with asyncio.timeout(TIMEOUT):
            await engine.answers.wait()
        assert await _answer(daemon) == EDITED
        await stopped(daemon, engine)
        assert await _answer(daemon) == EDITED


class Met:
    """A call in a thread that a stop meets: `at` it, and it goes on once it `may_go_on`."""

    def __init__(self) -> None:
        self.at, self.may_go_on = asyncio.Event(), threading.Event()
        self._loop = asyncio.get_running_loop()

    async def reached(self) -> None:
        """Return at the call."""
        async with asyncio.timeout(TIMEOUT):
            await self.at.wait()

    def first(self, call: Callable[..., Any], about: str = "") -> Callable[..., Any]:
        """`call`, held up the first time that it is `about` this, and not for ever."""

        def met(*given: Any, **named: Any) -> Any:
            if not self.at.is_set() and about in str(given):
                self._loop.call_soon_threadsafe(self.at.set)
                self.may_go_on.wait(TIMEOUT)
            return call(*given, **named)

        return met


async def _post(daemon: Daemon, path: str, **body: object) -> tuple[int, str]:
    """The status and the text of the admin API's response."""
    connector = aiohttp.UnixConnector(str(daemon.admin.socket))
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.post(f"http://daemon{path}", json=body or None) as response,
    ):
        return response.status, await response.text()


async def _stop_while_met(daemon: Daemon, met: Met) -> None:
    stopping = asyncio.create_task(daemon.stop())
    asyncio.get_running_loop().call_later(_HELD_UP, met.may_go_on.set)
    await stopping


@pytest.fixture
def asked_files(files: Files) -> Files:
    """With an admin socket and a state directory, and no reload that nobody has asked for."""
    text = files.config.read_text().replace('socket = ""', 'socket = "admin.sock"')
    server = '[server]\nwatch = false\nstate = "state"'
    files.config.write_text(text.replace("[server]", server))
    return files


@pytest.mark.parametrize("by_signal", [False, True])
async def test_a_reload_that_a_stop_meets_is_confirmed_to_nobody(
    asked_files: Files, monkeypatch: pytest.MonkeyPatch, *, by_signal: bool
) -> None:
    """Not to the service manager either, which has been told that it stops; and it is no defect."""
    said: list[str] = []
    async with supervised(asked_files.config, said) as daemon:
        met = Met()
        monkeypatch.setattr(publication, "compile_plan", met.first(compile_plan))
        asked_files.zone.write_text(zone_text(EDITED, 8))
        if by_signal:
            daemon._hang_up()
        else:
            asked = asyncio.create_task(_post(daemon, "/reload"))
        await met.reached()
        await _stop_while_met(daemon, met)
        assert await _answer(daemon) == "192.0.2.80"
        assert daemon.reloads.refused == 0
        if not by_signal:
            status, text = await asked
            assert (status, "the daemon is ending" in text) == (503, True)
        await until_holds(lambda: "STOPPING=1" in said, within=TIMEOUT)
    assert "READY=1" not in said[said.index("STOPPING=1") :]


async def test_a_reload_that_was_answered_from_is_kept_for_the_next_start(
    asked_files: Files,
) -> None:
    """Whose zone is refused: it was served as it was before the edit."""
    async with supervised(asked_files.config) as daemon:
        engine = Late(daemon)
        asked_files.zone.write_text(zone_text(EDITED, 8))
        daemon._hang_up()
        async with asyncio.timeout(TIMEOUT):
            await engine.answers.wait()
        await _soon(daemon, engine)
    asked_files.zone.write_text("no zone")
    async with running(asked_files.config) as daemon:
        assert await _answer(daemon) == EDITED


async def test_a_drain_that_is_confirmed_while_it_stops_is_obeyed_by_the_standby(
    asked_files: Files,
) -> None:
    async with supervised(asked_files.config) as daemon:
        chat = "chat.inference.example"
        before = {str(each) for each in (await ask(daemon, chat)).answer[0]}
        met = Met()
        write = met.first(daemon.state.write, about="a test")
        daemon.state.write = write  # type: ignore[method-assign]
        region = next(name for name in REGIONS if address_of(name) in before)
        asked = asyncio.create_task(_post(daemon, "/drain", region=region, why="a test", who="ada"))
        await met.reached()
        await _stop_while_met(daemon, met)
        status, text = await asked
        after = {str(each) for each in (await ask(daemon, chat)).answer[0]}
        assert (status, before & after) == (200, set()), text
